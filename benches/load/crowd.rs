//! The latency of one caller's ping while another user keeps many connections busy.

use std::env;
use std::io::{Read, stdin};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::client::Client;
use crate::ping::PING;
use crate::report::{self, Goal, judge};
use crate::sample::Sample;
use crate::size::Size;
use crate::target::{PerTarget, Sockets, Target, take_turns};

/// Fewer than the broker allows one user.
pub(crate) const CONNECTIONS: usize = 900;
const THREADS: usize = 4;

/// The user `nobody`, who may not connect to dockerd or `HAProxy` here.
const OTHER_UID: u32 = 65534;

/// How long the other user's connections need until all of them are busy.
const WARM_UP: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(2);

pub(crate) fn measure(sockets: &Sockets, size: &Size) -> Result<()> {
    let mut times = PerTarget::<Sample>::default();
    take_turns(size.slices, |target, _| {
        let mut crowd = Crowd::at(sockets.of(target), target)?;
        thread::sleep(WARM_UP);
        let mut client = Client::connect(sockets.of(target))?;
        let mut slice = Sample::default();
        for _ in 0..size.calls_a_round {
            slice.push_us(client.time(PING, 200)?);
            thread::sleep(PAUSE);
        }
        times.of_mut(target).push(slice.median());
        crowd.end()
    })?;
    let ratio = times.broker.ratio_to(&times.direct);
    let ratio = judge("of direct", ratio, 2, Goal::AtMost(1.0));
    let what = format!("ping beside {CONNECTIONS} busy, us");
    report::row(&what, &times.map(Sample::median), 0, &ratio);
    Ok(())
}

/// The process of the other user.
struct Crowd(Child);

impl Crowd {
    fn at(socket: &Path, target: Target) -> Result<Self> {
        // The other user may not see the directory of this program.
        let mut program = Command::new("/proc/self/exe");
        program.arg("busy").args(env::args_os().skip(2)).arg("--busy-socket").arg(socket);
        program.stdin(Stdio::piped());
        if target == Target::Broker {
            program.uid(OTHER_UID);
        }
        program.spawn().map(Self).context("cannot start the other user's process")
    }

    fn end(&mut self) -> Result<()> {
        drop(self.0.stdin.take());
        let ended = self.0.wait()?;
        anyhow::ensure!(ended.success(), "the other user's process failed");
        Ok(())
    }
}

/// Pings on all connections, until the standard input ends.
pub(crate) fn keep_busy(socket: &Path) -> Result<()> {
    let is_over = AtomicBool::new(false);
    let work = || -> Result<()> {
        let connect = |_| Client::connect_small(socket);
        let mut clients = (0..CONNECTIONS / THREADS).map(connect).collect::<Result<Vec<_>>>()?;
        for client in &mut clients {
            client.send(PING)?;
        }
        while !is_over.load(Ordering::Relaxed) {
            for client in &mut clients {
                client.receive(200)?;
                client.send(PING)?;
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let _ = stdin().read(&mut [0])?;
        is_over.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.join().ok().context("a connection stopped")??;
        }
        Ok(())
    })
}
