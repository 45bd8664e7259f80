//! Measures the cost of the broker, compared with dockerd itself and with `HAProxy`.
//!
//! `benches/broker.sh` starts all three and runs this program once for each part, each time with
//! a freshly started broker.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measures")]

mod bodies;
mod breakdown;
mod client;
mod crowd;
mod existing;
mod idle;
mod image;
mod ping;
mod process;
mod recorded;
mod report;
mod sample;
mod size;
mod tally;
mod target;
mod worst;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

use breakdown::Steps;
use process::Process;
use size::Size;
use target::Sockets;

#[derive(Parser)]
struct Arguments {
    part: Part,
    /// Measure for a few seconds only: few rounds and small sizes
    #[arg(long)]
    short: bool,
    /// dockerd's socket
    #[arg(long, default_value = "/var/run/docker.sock")]
    direct: PathBuf,
    /// The broker's socket
    #[arg(long)]
    broker: PathBuf,
    /// The socket of `HAProxy`
    #[arg(long)]
    haproxy: PathBuf,
    /// The socket of a broker that does not record the call of `breakdown`
    #[arg(long)]
    without_record: Option<PathBuf>,
    /// The socket of a broker that does not ask the kernel whether it keeps records
    #[arg(long)]
    without_question: Option<PathBuf>,
    /// The socket that `busy` connects to
    #[arg(long)]
    busy_socket: Option<PathBuf>,
    #[arg(long)]
    broker_pid: u32,
    /// An image to save
    #[arg(long)]
    image: String,
    /// The same image, saved
    #[arg(long)]
    image_tar: PathBuf,
    /// A running container that writes to its log from time to time
    #[arg(long)]
    container: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Part {
    Heading,
    Idle,
    Ping,
    Crowd,
    /// The other user of `crowd`
    Busy,
    Recorded,
    Existing,
    Breakdown,
    Save,
    Load,
    Growth,
    Worst,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let size = if arguments.short { Size::SHORT } else { Size::FULL };
    let broker = Process::new(arguments.broker_pid);
    let sockets =
        Sockets { direct: arguments.direct, broker: arguments.broker, haproxy: arguments.haproxy };
    match arguments.part {
        Part::Heading => {
            report::heading();
            Ok(())
        }
        Part::Idle => idle::measure(&sockets.broker, &size, &broker, &arguments.container),
        Part::Ping => ping::measure(&sockets, &size),
        Part::Crowd => crowd::measure(&sockets, &size),
        Part::Busy => crowd::keep_busy(&arguments.busy_socket.context("--busy-socket is missing")?),
        Part::Recorded => recorded::measure(&sockets, &size),
        Part::Existing => existing::measure(&sockets, &size, &arguments.container),
        Part::Breakdown => {
            let steps = Steps {
                direct: sockets.direct,
                without_record: arguments.without_record.context("--without-record is missing")?,
                without_question: arguments
                    .without_question
                    .context("--without-question is missing")?,
                broker: sockets.broker,
            };
            breakdown::measure(&steps, &size)
        }
        Part::Save => image::measure_save(&sockets, &size, &arguments.image),
        Part::Load => image::measure_load(&sockets, &size, &arguments.image_tar),
        Part::Growth => recorded::measure_growth(&sockets, &size, &broker),
        Part::Worst => worst::measure(&sockets.broker, &size, &broker),
    }
}
