# Completes the commands of audit-broker in fish. Install it as
# /usr/share/fish/vendor_completions.d/audit-broker.fish

# What follows `--` is a docker command.
function __audit_broker_docker_command
    set -l words (commandline -opc)
    set -l place (contains -i -- -- $words); or return
    complete -C (string join ' ' -- (string escape -- $words[(math $place + 1)..-1]) (commandline -ct))
end

complete -c audit-broker -f
for command in serve check explain schema learn
    complete -c audit-broker -n __fish_use_subcommand -a $command
end
complete -c audit-broker -n '__fish_seen_subcommand_from serve check explain learn' -a --config
complete -c audit-broker -n '__fish_seen_subcommand_from check' -a --matrix
for option in --user --group --uid --owner --request --
    complete -c audit-broker -n '__fish_seen_subcommand_from explain' -a $option
end
for option in --user --since --until --input --denied --host
    complete -c audit-broker -n '__fish_seen_subcommand_from learn' -a $option
end
complete -c audit-broker -n '__fish_seen_subcommand_from explain' -a '(__audit_broker_docker_command)'
complete -c audit-broker -n '__fish_seen_subcommand_from explain learn serve check' -F
