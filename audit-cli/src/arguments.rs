//! The command line of `audit-cli`'s own commands, and its help.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Record docker commands, or any others, in the audit trail, then run them
///
/// Each command leaves a `USER_CMD` record with the login uid of the person who
/// typed it. A command that asks for access to the host, for example with
/// `docker run --privileged`, leaves a `USER_ROLE_CHANGE` record too. If a record
/// cannot be written, audit-cli does not run the command and exits with 125.
///
/// Find the records with `ausearch -m USER_CMD -i`. Run `audit-cli doctor` as root
/// to check that this host keeps them.
#[derive(Debug, Parser)]
#[command(
    name = "audit-cli",
    version,
    verbatim_doc_comment,
    override_usage = "audit-cli [--record-exit] docker [ARG]...
       audit-cli [--record-exit] exec [--] COMMAND [ARG]...
       audit-cli [--record-exit] run [NAME [ARG]...]
       audit-cli emit|digest|doctor|report [OPTIONS]",
    after_long_help = "\
Names:
  A symlink named `docker` to audit-cli works as `audit-cli docker`.
  A symlink named `docker-NAME` works as `audit-cli run NAME`.

Files (only root may be able to write them):
  /etc/audit-cli/config.toml          settings
  /etc/audit-cli/templates/NAME.toml  templates for `audit-cli run`
  /etc/audit-redaction.key            key for the digests of hidden secrets

Exit status:
  that of the command, if it ran; otherwise
  1    doctor found a fault, or digest got another secret
  2    wrong usage
  3    doctor found no fault, but could not make every check
  125  not recorded or not allowed, so not run
  126  the file of the command cannot be executed
  127  command not found"
)]
pub(crate) struct Arguments {
    /// Also record how the command ends: run it as a child and wait for it
    #[arg(long)]
    pub(crate) record_exit: bool,
    #[command(subcommand)]
    pub(crate) command: OwnCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OwnCommand {
    /// Record a docker command, then run it
    ///
    /// audit-cli passes every word after `docker` on to docker, `--help` included.
    #[command(disable_help_flag = true)]
    Docker {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARG")]
        arguments: Vec<OsString>,
    },
    /// Record any command, then run it
    #[command(override_usage = "audit-cli [--record-exit] exec [--] COMMAND [ARG]...")]
    Exec {
        /// The command and its arguments; write `--` before a command that begins with a dash
        #[arg(trailing_var_arg = true, required = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// Record and run a docker command that root has prepared; without NAME, list them
    #[command(override_usage = "audit-cli [--record-exit] run [NAME [ARG]...]")]
    Run {
        /// The template /etc/audit-cli/templates/NAME.toml. Only a template that says
        /// `arguments = "append"` takes an ARG
        #[arg(trailing_var_arg = true, value_name = "NAME", verbatim_doc_comment)]
        template: Vec<OsString>,
    },
    /// Write one audit record; for root only
    Emit(Emit),
    /// Print or check the digest that stands for a secret in records; for root only
    ///
    /// Reads the secret from standard input. A newline at its end counts, so write:
    /// `printf %s 'the secret' | audit-cli digest '***:87a5e3d6f436e9643780ad4b000c040a'`
    #[command(verbatim_doc_comment)]
    Digest(Digest),
    /// Check whether the audit trail on this host can be trusted; run it as root
    ///
    /// Prints one line for each check, and below it what to do. `unknown` is a check that
    /// only root can make. Exits with 0 if there is no fault, with 1 if there is one, and
    /// with 3 if there is none but some checks are unknown.
    #[command(verbatim_doc_comment)]
    Doctor {
        /// Print the findings as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Answer questions from the audit trail; run it as root
    ///
    /// Without a command: one page about the period. The options are those of ausearch, which also
    /// explains the times. `report complete` exits with 1 if anything is missing.
    #[command(
        verbatim_doc_comment,
        override_usage = "audit-cli report [COMMAND] [-ts TIME] [-te TIME] [-ul USER] [-vm NAME] [-if PATH]... [--host NAME] [--json]"
    )]
    Report(ReportArguments),
}

/// The arguments of `report`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArguments {
    #[command(subcommand)]
    pub(crate) kind: Option<ReportKind>,
    #[command(flatten)]
    pub(crate) options: ReportOptions,
}

/// The questions that `report` answers.
#[derive(Debug, Subcommand)]
pub(crate) enum ReportKind {
    /// What a person, service or container did, with one line for each deed
    Person {
        /// User name, login uid, unit or container; `unset` for callers without a login
        person: String,
    },
    /// Who was denied what, and by which policy
    Denied,
    /// When containers ran, who started them, and how they ended
    Running {
        /// Only what this person did
        person: Option<String>,
    },
    /// The life of a container
    Container {
        /// Its name, its id or the first digits of the id
        container: String,
    },
    /// Who had what access to the host, in which container, and whether it started
    Host,
    /// Who brought, built or committed each image, and which containers ran it
    Images,
    /// From a process, also one in a container, back to the person
    Process {
        /// The pid on the host
        pid: u32,
    },
    /// From a file, also one in a container, back to the people who could reach it
    File {
        /// A path on the host or in a container, or `CONTAINER:PATH`
        path: String,
    },
    /// Everything in a login session: of ssh, sudo, audit-cli and audit-broker
    Session {
        /// The number in `ses=`
        session: String,
    },
    /// One page with people, containers and access to the host over time, to view or print
    Timeline {
        /// The file of the page; `-` is standard output
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
    /// One document for each deed, for other programs; in JSON lines, if no format is given
    Export(Export),
    /// Whether anything is missing from the trail
    Complete,
    /// A table of people by day
    Daily,
}

/// The format of an export.
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// A table for spreadsheets (RFC 4180)
    #[arg(long, conflicts_with_all = ["ecs", "ocsf", "json"])]
    csv: bool,
    /// Elastic Common Schema 9.4, as JSON lines
    #[arg(long, conflicts_with_all = ["ocsf", "json"])]
    ecs: bool,
    /// OCSF 1.9: API Activity (6003) and Process Activity (1007), as JSON lines
    #[arg(long, conflicts_with = "json")]
    ocsf: bool,
}

/// The formats of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExportFormat {
    /// The deed as it is, as JSON lines.
    Json,
    Csv,
    Ecs,
    Ocsf,
}

impl Export {
    pub(crate) const fn format(&self) -> ExportFormat {
        match (self.csv, self.ecs, self.ocsf) {
            (true, _, _) => ExportFormat::Csv,
            (_, true, _) => ExportFormat::Ecs,
            (_, _, true) => ExportFormat::Ocsf,
            (false, false, false) => ExportFormat::Json,
        }
    }
}

/// Which logs to read, and which deeds count.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportOptions {
    /// Only deeds from this time on (-ts): `today`, `11/29/2026 14:00`, `2026-11-29`
    #[arg(long, value_name = "TIME", global = true)]
    pub(crate) start: Option<String>,
    /// Only deeds up to this time (-te)
    #[arg(long, value_name = "TIME", global = true)]
    pub(crate) end: Option<String>,
    /// Only deeds of this login uid or user (-ul)
    #[arg(long, value_name = "USER", global = true)]
    pub(crate) loginuid: Option<String>,
    /// Only deeds about this container (-vm)
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) vm_name: Option<String>,
    /// Read this file, or the logs in this directory, instead of this host's logs (-if); `-` is
    /// standard input
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) input: Vec<PathBuf>,
    /// Only records of this host, if the log names hosts
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) host: Option<String>,
    /// The user that the broker runs as
    #[arg(long, value_name = "USER", default_value = "audit-broker", global = true)]
    pub(crate) broker_user: String,
    /// The socket at which `running` asks docker what still runs; not with -if or --host
    #[arg(long, value_name = "SOCKET", default_value = "/run/docker.sock", global = true)]
    pub(crate) docker: PathBuf,
    /// Print one JSON object
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The short options of `ausearch`, and the long ones that stand for them.
///
/// # Source
/// `ausearch(8)`.
const SEARCH_OPTIONS: [(&str, &str); 5] = [
    ("-ts", "--start"),
    ("-te", "--end"),
    ("-ul", "--loginuid"),
    ("-vm", "--vm-name"),
    ("-if", "--input"),
];

/// The arguments with the long options for those of `ausearch`, if they are those of `report`. A date and
/// a time after `-ts` or `-te` become one word.
pub(crate) fn with_long_options(arguments: Vec<OsString>) -> Vec<OsString> {
    if arguments.get(1).is_none_or(|word| word != "report") {
        return arguments;
    }
    let mut long: Vec<OsString> = Vec::new();
    let mut words = arguments.into_iter().peekable();
    while let Some(word) = words.next() {
        let option = SEARCH_OPTIONS.iter().find(|(short, _)| word == *short);
        let word = option.map_or(word, |(_, option)| (*option).into());
        let is_time = word == "--start" || word == "--end";
        long.push(word);
        if is_time {
            if let Some(mut date) = words.next() {
                let has_date = holds(&date, b'/') || holds(&date, b'-');
                if let Some(time) = words.next_if(|next| has_date && holds(next, b':')) {
                    date.push(" ");
                    date.push(time);
                }
                long.push(date);
            }
        }
    }
    long
}

fn holds(word: &OsStr, byte: u8) -> bool {
    word.as_encoded_bytes().contains(&byte)
}

/// The arguments of `digest`.
#[derive(Debug, clap::Args)]
pub(crate) struct Digest {
    /// Create the key /etc/audit-redaction.key; without it, records hide secrets as `***` only
    #[arg(long, conflicts_with = "expected")]
    pub(crate) make_key: bool,
    /// The digest in a record: print `yes` if it is that of the secret, otherwise exit with 1
    #[arg(value_name = "DIGEST")]
    pub(crate) expected: Option<String>,
}

/// The arguments of `emit`: one record.
#[derive(Debug, clap::Args)]
pub(crate) struct Emit {
    /// Record type, by name or number, such as `USER_CMD` or 1123
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) record_type: String,
    /// What was done (op=), in one word of a-z, 0-9, `_` and `-`
    #[arg(long, value_name = "WORD")]
    pub(crate) op: Option<String>,
    /// Another field, such as `cmd=ls` or `acct=root`; may be repeated
    #[arg(long = "field", value_name = "NAME=VALUE")]
    pub(crate) fields: Vec<OsString>,
    /// Whether it succeeded (res=)
    #[arg(long, value_name = "OUTCOME")]
    pub(crate) res: Res,
    /// Wait until the kernel has written the record, then print its event id
    #[arg(long)]
    pub(crate) receipt: bool,
}

/// The outcome on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Res {
    Success,
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(words: &[&str]) -> ReportArguments {
        let words = ["audit-cli", "report"].iter().chain(words).map(OsString::from).collect();
        let arguments = Arguments::try_parse_from(with_long_options(words)).unwrap();
        let OwnCommand::Report(report) = arguments.command else { panic!("{arguments:?}") };
        report
    }

    /// The commands in the document on SIEMs are valid.
    #[test]
    fn the_commands_of_the_document_are_valid() {
        let text = include_str!("../../docs/siem.md");
        let spans = text.split('`').skip(1).step_by(2);
        let commands: Vec<&str> =
            spans.filter_map(|span| span.strip_prefix("audit-cli report ")).collect();
        assert!(commands.len() >= 3, "{commands:?}");
        for command in commands {
            let command = command.split(" | ").next().unwrap();
            report(&command.split_whitespace().collect::<Vec<_>>());
        }
    }

    #[test]
    fn each_shell_completes_each_command_and_option() {
        use clap::CommandFactory;
        let scripts = [
            ("bash", include_str!("../../packaging/completions/audit-cli.bash")),
            ("zsh", include_str!("../../packaging/completions/audit-cli.zsh")),
            ("fish", include_str!("../../packaging/completions/audit-cli.fish")),
        ];
        crate::completion::check(&Arguments::command(), scripts, |option| {
            let short = SEARCH_OPTIONS.iter().find(|(_, long)| long[2..] == *option);
            short.map_or_else(|| format!("--{option}"), |(short, _)| (*short).into())
        });
    }

    #[test]
    fn the_manual_page_is_the_help() {
        use clap::CommandFactory;
        let page = crate::help::page(
            Arguments::command(),
            ".Sh SEE ALSO\n.Xr audit-cli.toml 5 ,\n.Xr audit-broker 8\n",
        );
        crate::help::mdoc::check("audit-cli.8", &page);
    }

    #[test]
    fn an_export_has_one_format() {
        let format = |word| match report(&["export", word]).kind {
            Some(ReportKind::Export(export)) => export.format(),
            kind => panic!("{kind:?}"),
        };
        for (word, expected) in [
            ("--json", ExportFormat::Json),
            ("--csv", ExportFormat::Csv),
            ("--ecs", ExportFormat::Ecs),
            ("--ocsf", ExportFormat::Ocsf),
        ] {
            assert_eq!(format(word), expected);
        }
        let both = ["audit-cli", "report", "export", "--csv", "--json"].map(OsString::from);
        Arguments::try_parse_from(both).unwrap_err();
    }

    #[test]
    fn a_report_takes_the_options_of_ausearch() {
        let ReportArguments { kind, options } = report(&[
            "-ts",
            "11/29/2026",
            "14:00",
            "person",
            "dwalsh",
            "-te",
            "now",
            "-if",
            "a",
            "-if",
            "b",
        ]);
        assert!(matches!(kind, Some(ReportKind::Person { person }) if person == "dwalsh"));
        assert_eq!(options.start.as_deref(), Some("11/29/2026 14:00"));
        assert_eq!((options.end.as_deref(), options.input.len()), (Some("now"), 2));
        let ReportArguments { kind, options } =
            report(&["-ts", "today", "denied", "-ul", "0", "-vm", "web"]);
        assert!(matches!(kind, Some(ReportKind::Denied)));
        assert_eq!(
            (options.loginuid.as_deref(), options.vm_name.as_deref()),
            (Some("0"), Some("web"))
        );
    }

    #[test]
    fn other_commands_keep_their_words() {
        let words: Vec<OsString> = ["audit-cli", "emit", "-ts"].map(OsString::from).to_vec();
        assert_eq!(with_long_options(words.clone()), words);
    }
}
