//! The life of the daemon, from top to bottom.
//!
//! Makes everything that needs root, becomes an unprivileged user, shuts itself in, serves, and
//! ends when it is told to.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, ensure};
use audit_core::{Audit, Field, Outcome, Record, RecordType, Subject as OwnSubject};
use audit_host::mask::{self, Mask};
use caps::Capability;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Gid;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::interval;

use crate::call::name_lock::NameLocks;
use crate::call::quota::Quotas;
use crate::call::state::State;
use crate::call::turns::Turns;
use crate::confine::kernel_status::KernelStatus;
use crate::confine::privilege;
use crate::confine::sandbox::{self, Enforcement};
use crate::daemon::metrics_server;
use crate::daemon::state_directory::StateDirectory;
use crate::daemon::tidy::tidy;
use crate::daemon::worker;
use crate::dockerd::upstream::Upstream;
use crate::judge::privileged_containers::PrivilegedContainers;
use crate::metrics::Metrics;
use crate::net::listen::Listener;
use crate::owner::{OWNERS, OwnerTable};
use crate::policy::{Fingerprint, Policy};
use crate::record::call_records;
use crate::record::journal::Journal;
use crate::record::recorder::Recorder;
use crate::record::refusal_rate::{LeftOut, RefusalRate};
use crate::settings::{Attest, Settings};
use crate::sys;
use crate::who::peer_reader::PeerReader;
use crate::who::people::{People, Person};

/// What the daemon may do beyond an ordinary user: write records, and look whose program calls.
const KEPT: [Capability; 2] = [Capability::CAP_AUDIT_WRITE, Capability::CAP_SYS_PTRACE];

/// Most threads that serve. What they do is pass on bytes; dockerd has more to do than they.
const WORKERS_LIMIT: usize = 4;

/// Serves until told to stop.
///
/// # Errors
/// If the configuration is bad, or something that the daemon needs is missing.
pub(crate) fn run(configuration: &Path) -> anyhow::Result<()> {
    start_log();
    sys::keep_memory();
    let settings = Settings::load(configuration)?;
    check_login(&settings)?;
    raise_descriptor_limit();

    // What needs root.
    let listener = match Listener::handed_over()? {
        Some(listener) => listener,
        None => Listener::bind(&settings.listen, settings.listen_mode()?)?,
    };
    let metrics_listener = Listener::bind(&settings.metrics, 0o600)?;
    let user = privilege::find_user(&settings.user)?;
    listener.give_directory_to(&user)?;
    let policy = Policy::load(&settings.policy_dir)?;
    let mask = Mask::load(Path::new(mask::KEY_PATH))?;
    let _state = StateDirectory::lock(&settings.state_dir, &user)?;
    let kernel = KernelStatus::spawn(user.uid, user.gid, settings.record_timeout())?.map(Arc::new);
    if kernel.is_none() {
        tracing::warn!(
            "CAP_AUDIT_CONTROL is not lent, so nobody tells whether the kernel keeps records"
        );
    }

    // Gives up what is not needed any more.
    privilege::drop_to(&settings.user, group_of(&settings.upstream)?, &KEPT)?;
    let peer_reader = PeerReader::start()?;
    let runtime = listener.directory().unwrap_or(Path::new("/run"));
    let enforcement =
        sandbox::enter_filesystem(&[runtime, &settings.state_dir], &settings.policy_dir)?;
    sandbox::filter_system_calls()?;
    peer_reader.narrow()?;
    if enforcement != Enforcement::Full {
        tracing::warn!("landlock is {enforcement:?} here: the kernel is older or does not use it");
    }

    let metrics = Metrics::new();
    let recorder = Recorder::start(&settings, kernel.clone(), Arc::clone(&metrics))?;
    let name_of = |uid| Some(Person::look_up(uid)?.name);
    let owners = OwnerTable::open(&settings.state_dir.join(OWNERS), &name_of)?;
    let journal = if settings.journal { Some(Journal::start()?) } else { None };
    let state = Arc::new(State {
        settings: RwLock::new(Arc::new(settings)),
        policy: RwLock::new(Arc::new(policy)),
        owners,
        people: People::default(),
        privileged: PrivilegedContainers::default(),
        recorder,
        peer_reader,
        metrics: Arc::clone(&metrics),
        quotas: Quotas::default(),
        name_locks: NameLocks::default(),
        refusal_rate: RefusalRate::default(),
        network_turns: Turns::default(),
        journal,
        mask,
    });
    let (stopper, stop) = watch::channel(false);
    let workers = start_workers(&listener, &state, &stop)?;
    metrics_server::start(metrics_listener.socket.try_clone()?, metrics, kernel)?;

    record_service(RecordType::SERVICE_START);
    record_policies(&state.policy());
    tracing::info!("serving at {}", listener.describe());
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    wait_for_stop(configuration, &state)?;

    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    tracing::info!("stopping: open streams may go on for {:?}", state.settings().drain());
    // Workers that have ended do not listen any more.
    let _ = stopper.send(true);
    drop(listener);
    for worker in workers {
        if let Ok(Err(error)) = worker.join() {
            tracing::error!("a worker ended: {error}");
        }
    }
    record_left_out(&state, &state.refusal_rate.take_all());
    record_service(RecordType::SERVICE_STOP);
    Ok(())
}

/// The daemon's own log, for operators: to stderr, which the service manager keeps. `RUST_LOG` says
/// how much.
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

/// A process that acts for somebody cannot act for others.
fn check_login(settings: &Settings) -> anyhow::Result<()> {
    let auid = OwnSubject::current()?.auid;
    ensure!(
        settings.attest == Attest::None || auid.is_none(),
        "audit-broker runs in somebody's login session, so it cannot write records for others; \
         have the service manager start it, or set attest = \"none\""
    );
    Ok(())
}

/// Each connection takes a descriptor, and each stream two.
fn raise_descriptor_limit() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && let Err(errno) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::warn!("the limit of open descriptors cannot be raised: {errno}");
    }
}

/// The group that may connect to docker's socket; nobody's own while the socket is not there.
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

/// Says that the daemon runs, or ends, as the service manager would. Without it, calls are recorded
/// all the same.
fn record_service(record_type: RecordType) {
    let written = Audit::open().and_then(|audit| {
        let subject = OwnSubject::current()?;
        let record = Record::new(record_type).word(Field::UNIT, "audit-broker");
        audit.send(&record.subject(&subject).outcome(Outcome::Success))
    });
    if let Err(error) = written {
        tracing::warn!("the daemon's own start or end is not on record: {error}");
    }
}

/// Reads the configuration anew at SIGHUP, and returns at SIGTERM or SIGINT.
fn wait_for_stop(configuration: &Path, state: &State) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut reload = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut look = interval(LOOK_INTERVAL);
        let mut changes = Changes::since(&state.settings().policy_dir);
        let mut tidying = interval(TIDY_INTERVAL);
        let settings = state.settings();
        let upstream = Upstream::new(settings.upstream.clone(), settings.dockerd_timeout());
        loop {
            tokio::select! {
                _ = look.tick() => {
                    record_left_out(state, &state.refusal_rate.take_ended());
                    if changes.are_complete(&state.settings().policy_dir) {
                        reload_policies(state);
                    }
                }
                _ = tidying.tick() => {
                    let (owners, people) = (&state.owners, &state.people);
                    if let Err(error) = tidy(owners, people, &upstream).await {
                        tracing::warn!("cannot ask dockerd what is gone: {error}");
                    }
                }
                _ = reload.recv() => {
                    self::reload(configuration, state);
                    changes = Changes::since(&state.settings().policy_dir);
                }
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
            }
        }
    })
}

/// Tells how many refusals have no record of their own.
fn record_left_out(state: &State, left_out: &[LeftOut]) {
    for left_out in left_out {
        let record = call_records::of_left_out(left_out);
        state.recorder.write_later(&left_out.subject, &[record]);
    }
}

/// How often it is looked whether the policies have changed.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How often what is gone is forgotten.
const TIDY_INTERVAL: Duration = Duration::from_secs(600);

/// Changes of the policy files. A file that is being written is left until it is at rest.
struct Changes {
    loaded: Fingerprint,
    seen: Fingerprint,
}

impl Changes {
    fn since(directory: &Path) -> Self {
        let now = Policy::fingerprint(directory);
        Self { loaded: now.clone(), seen: now }
    }

    /// Whether something has changed, and nothing since it was looked last.
    fn are_complete(&mut self, directory: &Path) -> bool {
        let now = Policy::fingerprint(directory);
        let is_at_rest = now == self.seen;
        self.seen = now;
        let are_complete = is_at_rest && self.seen != self.loaded;
        if are_complete {
            self.loaded = self.seen.clone();
        }
        are_complete
    }
}

/// Takes over the policies if they are good as a whole.
fn reload_policies(state: &State) {
    let directory = state.settings().policy_dir.clone();
    match Policy::load(&directory) {
        Ok(policy) => {
            tracing::info!("{} policies are read anew", policy.count());
            record_policies(&policy);
            let mut current = state.policy.write().unwrap_or_else(PoisonError::into_inner);
            *current = Arc::new(policy);
        }
        Err(error) => {
            tracing::error!("the old policies stay: {error:#}");
            record_policy_load("not-valid", Outcome::Failed);
        }
    }
}

/// Says which policies count from now on.
fn record_policies(policy: &Policy) {
    for warning in policy.warnings() {
        tracing::warn!("{warning}");
    }
    if policy.count() == 0 {
        tracing::warn!("there are no policies, so everything is denied");
    }
    record_policy_load(policy.digest(), Outcome::Success);
}

fn record_policy_load(digest: &str, outcome: Outcome) {
    let written = Audit::open().and_then(|audit| {
        let subject = OwnSubject::current()?;
        let record = Record::new(RecordType::USER_MAC_POLICY_LOAD);
        let record = record.word(Field::OP, "policy-load").word(Field::REASON, digest);
        audit.send(&record.subject(&subject).outcome(outcome))
    });
    if let Err(error) = written {
        tracing::error!("it is not on record which policies count: {error}");
    }
}

/// Takes over the configuration if it is good. What was made when the daemon had root's rights
/// stays as it is until the next start.
fn reload(configuration: &Path, state: &State) {
    let _ = sd_notify::notify(&[NotifyState::Reloading]);
    match Settings::load(configuration) {
        Ok(settings) => {
            let mut current = state.settings.write().unwrap_or_else(PoisonError::into_inner);
            if settings.needs_restart(&current) {
                tracing::warn!("some of what has changed counts from the next start on");
            }
            *current = Arc::new(settings);
            tracing::info!("the configuration is read anew");
        }
        Err(error) => tracing::error!("the old configuration stays: {error:#}"),
    }
    reload_policies(state);
    let _ = sd_notify::notify(&[NotifyState::Ready]);
}
