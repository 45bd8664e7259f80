#compdef audit-broker
# Completes the commands of audit-broker in zsh. Install it as
# /usr/share/zsh/vendor-completions/_audit-broker, or as site-functions/_audit-broker on Fedora.

_audit_broker() {
    local context state state_descr line
    typeset -A opt_args
    local config='--config[the settings]:file:_files'
    local -a commands=(
        'serve:run the daemon'
        'check:check the settings and the policies'
        'explain:explain what the policies decide'
        'schema:print what policies may use'
        'learn:propose policies that permit the calls on record'
    )
    _arguments -C '1:command:->command' '*::argument:->argument'
    case $state in
    command) _describe command commands ;;
    argument)
        case $words[1] in
        serve) _arguments $config ;;
        check) _arguments $config '--matrix[print which callers may do what]' ;;
        explain)
            # What follows `--` is a docker command.
            local -i dashes=${words[(i)--]}
            if ((dashes < CURRENT)); then
                shift $dashes words
                ((CURRENT -= dashes))
                _normal
                return
            fi
            _arguments $config '--user[whose calls]:user:_users' '*--group[a group]:group:_groups' \
                '--uid[the uid of the process]:uid: ' '--owner[who owns the objects]:user:_users' \
                '--request[a request in a file]:file:_files' '--[a docker command follows]'
            ;;
        learn)
            _arguments $config '*--user[whose calls]:user:_users' '--since[from this time on]:time: ' \
                '--until[up to this time]:time: ' '--input[read this file]:file:_files' \
                '--denied[also permit denied calls]' '--host[also permit access to the host]'
            ;;
        esac
        ;;
    esac
}

_audit_broker "$@"
