//! Start-up and shutdown of the daemon, from top to bottom.
//!
//! The daemon opens everything that needs root, becomes an unprivileged user, confines itself,
//! serves, and shuts down when it receives SIGTERM or SIGINT. This file knows that order. It knows
//! neither connections ([`worker`]) nor what a reload changes ([`reload`]).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::thread::{self, JoinHandle};

use anyhow::{Context, ensure};
use audit_core::{Audit, Field, Outcome, Record, RecordType, Subject as OwnSubject};
use audit_host::mask::{self, Mask};
use caps::Capability;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Gid;
use sd_notify::NotifyState;
use tokio::sync::watch;

use crate::call::name_lock::NameLocks;
use crate::call::owner_lock::OwnerLocks;
use crate::call::quota::Quotas;
use crate::call::running::{RUNNING, RunningContainers};
use crate::call::state::State;
use crate::confine::kernel_status::KernelStatus;
use crate::confine::privilege;
use crate::confine::sandbox::{self, Enforcement};
use crate::daemon::state_directory::StateDirectory;
use crate::daemon::{lives, metrics_server, reload, worker};
use crate::judge::privileged_containers::PrivilegedContainers;
use crate::metrics::Metrics;
use crate::net::listen::Listener;
use crate::owner::{OWNERS, OwnerTable};
use crate::policy::Policy;
use crate::record::journal::Journal;
use crate::record::recorder::Recorder;
use crate::record::refusal_rate::RefusalRate;
use crate::settings::{Attest, Settings};
use crate::sys;
use crate::who::peer_reader::PeerReader;
use crate::who::people::{People, Person};

/// The capabilities that the running daemon keeps: one to write audit records, one to read which
/// program a caller runs.
const KEPT_CAPABILITIES: [Capability; 2] =
    [Capability::CAP_AUDIT_WRITE, Capability::CAP_SYS_PTRACE];

/// Most worker threads. They only copy bytes, so dockerd is busy long before they are.
const WORKERS_LIMIT: usize = 4;

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// If the configuration is invalid, or something that the daemon needs is missing.
pub(crate) fn run(configuration: &Path) -> anyhow::Result<()> {
    start_log();
    sys::keep_memory();
    let settings = Settings::load(configuration)?;
    check_login(&settings)?;
    raise_descriptor_limit();

    let opened = OpenedAsRoot::open(&settings)?;
    let peer_reader = confine(&settings, &opened.listener)?;

    let metrics = Metrics::new();
    let recorder = Recorder::start(&settings, opened.kernel.clone(), Arc::clone(&metrics))?;
    let name_of = |uid| Some(Person::look_up(uid)?.name);
    let owners = OwnerTable::open(&settings.state_dir.join(OWNERS), &name_of)?;
    let journal = if settings.journal { Some(Journal::start()?) } else { None };
    let running = RunningContainers::open(&settings.state_dir.join(RUNNING))?;
    let name_locks = NameLocks::new(settings.record_timeout());
    let state = Arc::new(State {
        settings: RwLock::new(Arc::new(settings)),
        policy: RwLock::new(Arc::new(opened.policy)),
        owners,
        people: People::default(),
        privileged: PrivilegedContainers::default(),
        recorder,
        running,
        peer_reader,
        metrics: Arc::clone(&metrics),
        quotas: Quotas::default(),
        name_locks,
        refusal_rate: RefusalRate::default(),
        network_locks: OwnerLocks::default(),
        journal,
        mask: opened.mask,
    });
    let (stopper, stop) = watch::channel(false);
    let workers = start_workers(&opened.listener, &state, &stop)?;
    let lives = lives::start(&state, &stop)?;
    metrics_server::start(opened.metrics_listener.socket.try_clone()?, metrics, opened.kernel)?;

    record_service(RecordType::SERVICE_START);
    reload::record_policies(&state.policy());
    tracing::info!("listening on {}", opened.listener.describe());
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    reload::until_stopped(configuration, &state)?;
    shut_down(&state, opened.listener, &stopper, (workers, lives));
    Ok(())
}

/// What only root can open or start.
struct OpenedAsRoot {
    listener: Listener,
    metrics_listener: Listener,
    policy: Policy,
    mask: Mask,
    /// Locked until the daemon has shut down.
    _state_directory: StateDirectory,
    /// `None` if the daemon was started without `CAP_AUDIT_CONTROL`.
    kernel: Option<Arc<KernelStatus>>,
}

impl OpenedAsRoot {
    fn open(settings: &Settings) -> anyhow::Result<Self> {
        let listener = match Listener::handed_over()? {
            Some(listener) => listener,
            None => Listener::bind(&settings.listen, settings.listen_mode()?)?,
        };
        let metrics_listener = Listener::bind(&settings.metrics, 0o600)?;
        let user = privilege::find_user(&settings.user)?;
        listener.give_directory_to(&user)?;
        let policy = Policy::load(&settings.policy_dir)?;
        let mask = Mask::load(Path::new(mask::KEY_PATH))?;
        let state_directory = StateDirectory::lock(&settings.state_dir, &user)?;
        let kernel = KernelStatus::spawn(user.uid, user.gid, settings.record_timeout())?;
        if kernel.is_none() {
            tracing::warn!(
                "running without CAP_AUDIT_CONTROL: cannot verify that the kernel keeps records; \
                 start the broker with the unit that comes with it"
            );
        }
        Ok(Self {
            listener,
            metrics_listener,
            policy,
            mask,
            _state_directory: state_directory,
            kernel: kernel.map(Arc::new),
        })
    }
}

/// Gives up root, then restricts the files and system calls of the process. Returns the peer reader: the
/// one thread that can still inspect other processes.
fn confine(settings: &Settings, listener: &Listener) -> anyhow::Result<PeerReader> {
    privilege::drop_to(&settings.user, group_of(&settings.upstream)?, &KEPT_CAPABILITIES)?;
    let peer_reader = PeerReader::start()?;
    let runtime = listener.directory().unwrap_or(Path::new("/run"));
    let enforcement =
        sandbox::enter_filesystem(&[runtime, &settings.state_dir], &settings.policy_dir)?;
    sandbox::filter_system_calls()?;
    peer_reader.narrow()?;
    match enforcement {
        Enforcement::Full => {}
        Enforcement::Partial => {
            tracing::warn!(
                "this kernel enforces only some of the landlock rules; Linux 6.12 enforces all"
            );
        }
        Enforcement::Absent => {
            tracing::warn!(
                "this kernel has no landlock or has disabled it, so the broker's access to files is \
                 not restricted; add landlock to the kernel's lsm= parameter"
            );
        }
    }
    Ok(peer_reader)
}

/// Writes the daemon's own log, for administrators, to stderr: the service manager stores it.
/// `RUST_LOG` sets the level.
fn start_log() {
    let level = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(level)
        .without_time()
        .with_target(false)
        .init();
}

/// A process with a login uid cannot take on those of its callers.
fn check_login(settings: &Settings) -> anyhow::Result<()> {
    let auid = OwnSubject::current()?.auid;
    ensure!(
        settings.attest == Attest::None || auid.is_none(),
        "audit-broker is running inside a login session, so it cannot write records for other \
         users; have the service manager start it, or set attest = \"none\""
    );
    Ok(())
}

/// Each connection takes one descriptor, and each stream two.
fn raise_descriptor_limit() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && let Err(errno) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::warn!(
            "cannot raise the limit on open file descriptors: {errno}; set LimitNOFILE= in the unit"
        );
    }
}

/// The group of docker's socket, whose members may connect to it.
fn group_of(upstream: &Path) -> anyhow::Result<Gid> {
    let found = fs::metadata(upstream).with_context(|| {
        format!("cannot find docker's socket {}; start docker first", upstream.display())
    })?;
    Ok(Gid::from_raw(found.gid()))
}

type Worker = JoinHandle<std::io::Result<()>>;

fn start_workers(
    listener: &Listener,
    state: &Arc<State>,
    stop: &watch::Receiver<bool>,
) -> anyhow::Result<Vec<Worker>> {
    let count = thread::available_parallelism()?.get().min(WORKERS_LIMIT);
    let start = |number: usize| {
        let socket = listener.socket.try_clone()?;
        let (state, stop) = (Arc::clone(state), stop.clone());
        let name = format!("worker-{number}");
        Ok(thread::Builder::new().name(name).spawn(move || worker::run(socket, state, stop))?)
    };
    (0..count).map(start).collect()
}

/// Stops accepting connections, gives open streams `drain_seconds` to finish, and records the end.
fn shut_down(
    state: &State,
    listener: Listener,
    stopper: &watch::Sender<bool>,
    (workers, lives): (Vec<Worker>, Worker),
) {
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    let drain = state.settings().drain();
    tracing::info!("shutting down: open streams have {drain:?} to finish");
    // Sending fails only if every worker has already ended.
    let _ = stopper.send(true);
    drop(listener);
    for worker in workers.into_iter().chain([lives]) {
        if let Ok(Err(error)) = worker.join() {
            tracing::error!("a worker thread failed: {error}");
        }
    }
    reload::record_left_out(state, &state.refusal_rate.take_all());
    record_service(RecordType::SERVICE_STOP);
}

/// Records that the daemon starts or stops, as systemd does for a service. If that fails, the broker
/// still records calls.
fn record_service(record_type: RecordType) {
    let written = Audit::open().and_then(|audit| {
        let subject = OwnSubject::current()?;
        let record = Record::new(record_type).word(Field::UNIT, "audit-broker");
        audit.send(&record.subject(&subject).outcome(Outcome::Success))
    });
    if let Err(error) = written {
        tracing::warn!("could not record that the daemon started or stopped: {error}");
    }
}
