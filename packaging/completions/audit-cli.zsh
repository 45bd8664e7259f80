#compdef audit-cli
# Completes the commands of audit-cli in zsh. Install it as
# /usr/share/zsh/vendor-completions/_audit-cli, or as site-functions/_audit-cli on Fedora.

_audit_cli_report() {
    local -a options=(
        '-ts[only deeds from this time on]:time: '
        '-te[only deeds up to this time]:time: '
        '-ul[only deeds of this login uid or user]:user:_users'
        '-vm[only deeds about this container]:container: '
        '*-if[read this file or directory]:file:_files'
        '--host[only records of this host]:host: '
        '--broker-user[the user that the broker runs as]:user:_users'
        '--docker[the socket of docker]:socket:_files'
        '--json[print one JSON object]'
        '--csv[export a table for spreadsheets]'
        '--ecs[export Elastic Common Schema]'
        '--ocsf[export OCSF]'
        '--html[the file of the timeline]:file:_files'
    )
    local -a questions=(
        'person:what a person, service or container did'
        'denied:who was denied what'
        'running:when containers ran'
        'container:the life of a container'
        'host:who had what access to the host'
        'images:where images came from'
        'process:from a process back to the person'
        'file:from a file back to people'
        'session:everything in a login session'
        'timeline:one page over time'
        'export:one document for each deed'
        'complete:whether anything is missing'
        'daily:a table of people by day'
    )
    _arguments $options '1:question:->question' '*:argument:_files'
    [[ $state != question ]] || _describe question questions
}

_audit_cli() {
    local context state state_descr line
    typeset -A opt_args
    local -a commands=(
        'docker:record a docker command, then run it'
        'exec:record any command, then run it'
        'run:run a docker command that root has prepared'
        'emit:write one audit record'
        'digest:print or check the digest of a secret'
        'doctor:check whether the audit trail can be trusted'
        'report:answer questions from the audit trail'
    )
    _arguments -C '--record-exit[also record how the command ends]' '1:command:->command' \
        '*::argument:->argument'
    case $state in
    command) _describe command commands ;;
    argument)
        case $words[1] in
        # The rest of the line is a command of its own, which begins with `docker`.
        docker) _normal ;;
        exec)
            shift words
            ((CURRENT--))
            [[ $words[1] != -- ]] || { shift words && ((CURRENT--)); }
            _normal
            ;;
        run) _files -W /etc/audit-cli/templates -g '*.toml(:r)' ;;
        emit)
            _arguments '--type[record type]:type: ' '--op[what was done]:word: ' \
                '*--field[another field]:field: ' '--res[the outcome]:outcome:(success failed)' \
                '--receipt[print the event id]'
            ;;
        digest) _arguments '--make-key[create the key]' '1:digest: ' ;;
        doctor) _arguments '--json[print one JSON object]' ;;
        report) _audit_cli_report ;;
        esac
        ;;
    esac
}

_audit_cli "$@"
