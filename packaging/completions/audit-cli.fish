# Completes the commands of audit-cli in fish. Install it as
# /usr/share/fish/vendor_completions.d/audit-cli.fish

# The words of the line after audit-cli and its own option.
function __audit_cli_words
    set -l words (commandline -opc)[2..-1]
    if test "$words[1]" = --record-exit
        set words $words[2..-1]
    end
    test (count $words) -eq 0; or printf '%s\n' $words
end

function __audit_cli_has_no_command
    test (count (__audit_cli_words)) -eq 0
end

function __audit_cli_command_is
    set -l words (__audit_cli_words)
    test (count $words) -gt 0; and contains -- $words[1] $argv
end

function __audit_cli_question_is
    set -l words (__audit_cli_words)
    test "$words[1]" = report; and contains -- $argv[1] $words
end

# Completes the rest of the line as the command that it is: from `docker` on, or after `exec`.
function __audit_cli_other_command
    set -l words (__audit_cli_words)
    if test "$words[1]" = exec
        set words $words[2..-1]
        test "$words[1]" = --; and set words $words[2..-1]
    end
    complete -C (string join ' ' -- (string escape -- $words) (commandline -ct))
end

complete -c audit-cli -f
complete -c audit-cli -n __audit_cli_has_no_command -l record-exit -d 'Also record how the command ends'
for command in docker exec run emit digest doctor report
    complete -c audit-cli -n __audit_cli_has_no_command -a $command
end
complete -c audit-cli -n '__audit_cli_command_is docker exec' -a '(__audit_cli_other_command)'
complete -c audit-cli -n '__audit_cli_command_is run' \
    -a '(path change-extension "" (path basename /etc/audit-cli/templates/*.toml))'
for option in --type --op --field --res --receipt
    complete -c audit-cli -n '__audit_cli_command_is emit' -a $option
end
complete -c audit-cli -n '__audit_cli_command_is digest' -a --make-key
complete -c audit-cli -n '__audit_cli_command_is doctor' -a --json
for word in person denied running container host images process file session timeline export complete \
        daily -ts -te -ul -vm -if --host --broker-user --docker --json
    complete -c audit-cli -n '__audit_cli_command_is report' -a $word
end
for option in --csv --ecs --ocsf
    complete -c audit-cli -n '__audit_cli_question_is export' -a $option
end
complete -c audit-cli -n '__audit_cli_question_is timeline' -a --html
complete -c audit-cli -n '__audit_cli_command_is report' -F
