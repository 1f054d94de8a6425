# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_natscope_global_optspecs
    string join \n format= json o/output= color= lang= q/quiet v/verbose timeout= fail-on= redact config= h/help V/version
end

function __fish_natscope_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_natscope_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_natscope_using_subcommand
    set -l cmd (__fish_natscope_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c natscope -n "__fish_natscope_needs_command" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_needs_command" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_needs_command" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_needs_command" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_needs_command" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_needs_command" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_needs_command" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_needs_command" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_needs_command" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_needs_command" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_needs_command" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_needs_command" -s V -l version -d 'Print version'
complete -c natscope -n "__fish_natscope_needs_command" -f -a "netcheck" -d 'Report how this host reaches the internet and the relays'
complete -c natscope -n "__fish_natscope_needs_command" -f -a "watch" -d 'Watch the network: a dashboard of netcheck, until q'
complete -c natscope -n "__fish_natscope_needs_command" -f -a "nat" -d 'Tell which kind of NAT stands between this host and the internet'
complete -c natscope -n "__fish_natscope_needs_command" -f -a "listen" -d 'Join a relay and answer pings, until Ctrl-C'
complete -c natscope -n "__fish_natscope_needs_command" -f -a "ping" -d 'Ping a peer through a relay of your choice, and over a direct path'
complete -c natscope -n "__fish_natscope_needs_command" -f -a "relay" -d 'Run a DERP relay with a STUN server that Tailscale clients accept'
complete -c natscope -n "__fish_natscope_needs_command" -f -a "predict" -d 'Tell from two saved reports whether the two hosts will connect directly'
complete -c natscope -n "__fish_natscope_needs_command" -f -a "diff" -d 'Tell what changed between two saved reports'
complete -c natscope -n "__fish_natscope_needs_command" -f -a "doctor" -d 'Tell why a DERP relay does not work, and how to mend it'
complete -c natscope -n "__fish_natscope_needs_command" -f -a "exporter" -d 'Serve metrics for Prometheus: a netcheck every minute, and what the doctor says of relays'
complete -c natscope -n "__fish_natscope_needs_command" -f -a "derpmap" -d 'Look at DERP maps: the effective one, mistakes with line and column, other notations'
complete -c natscope -n "__fish_natscope_needs_command" -f -a "explain" -d 'Explain a finding by its code, offline'
complete -c natscope -n "__fish_natscope_needs_command" -f -a "selftest" -d 'Try natscope on a relay of its own on loopback; needs no internet'
complete -c natscope -n "__fish_natscope_needs_command" -f -a "config" -d 'Show the settings in force, and where each comes from'
complete -c natscope -n "__fish_natscope_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l derp-map -d 'A DERP map: URL, file, - for standard input, or the word embedded [default: the public Tailscale map]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l region -d 'Use only this region of the map; may be given several times' -r
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l cache-dir -d 'Where the last copy of a fetched map is kept [default: the user\'s cache directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l bind-address -d 'Send from this local address' -r
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l bind-port -d 'Send from this local UDP port' -r
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l interface -d 'Send through this network interface' -r
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l every -d 'Report again every so often, until --count or Ctrl-C' -r
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l count -d 'End after this many reports [default: 1, or no end with --every or --watch]' -r
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l save -d 'Keep what was asked and heard in FILE, for --replay' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l replay -d 'Conclude from a file of --save instead of asking the network' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -s 4 -d 'Use IPv4 only'
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -s 6 -d 'Use IPv6 only'
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l no-nat -d 'Do not find out the NAT\'s behaviour'
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l no-portmap -d 'Do not ask the router for port-mapping services (asking never creates a mapping)'
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l no-https -d 'Do not measure relays over HTTPS'
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l no-icmp -d 'Do not send ICMP echo'
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l no-captive-portal -d 'Do not look for a captive portal'
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l watch -d 'Watch: a report every 30 seconds; --every and --count choose otherwise'
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l dry-run -d 'Print what would be asked, and ask nothing'
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand netcheck" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l derp-map -d 'A DERP map: URL, file, - for standard input, or the word embedded [default: the public Tailscale map]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l region -d 'Use only this region of the map; may be given several times' -r
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l cache-dir -d 'Where the last copy of a fetched map is kept [default: the user\'s cache directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l bind-address -d 'Send from this local address' -r
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l bind-port -d 'Send from this local UDP port' -r
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l interface -d 'Send through this network interface' -r
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l every -d 'Report again every so often [default: 30s]' -r
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l count -d 'End after this many reports [default: no end]. The last one stays on the screen' -r
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l save -d 'Keep what was asked and heard for the last report in FILE, for netcheck --replay' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand watch" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand watch" -s 4 -d 'Use IPv4 only'
complete -c natscope -n "__fish_natscope_using_subcommand watch" -s 6 -d 'Use IPv6 only'
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l no-nat -d 'Do not find out the NAT\'s behaviour'
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l no-portmap -d 'Do not ask the router for port-mapping services (asking never creates a mapping)'
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l no-https -d 'Do not measure relays over HTTPS'
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l no-icmp -d 'Do not send ICMP echo'
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l no-captive-portal -d 'Do not look for a captive portal'
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand watch" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand watch" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand watch" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l stun-server -d 'A STUN server to ask; may be given several times. Same as SERVER' -r -f -a "(__fish_print_hostnames)"
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l transport -d 'Over what to ask servers [default: udp; tls if all of them are stuns: URIs]' -r -f -a "udp\t'Datagrams'
tcp\t'Connections'
tls\t'Connections with TLS'"
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l socks5 -d 'Ask through this SOCKS5 proxy: tells the NAT of the proxy' -r
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l sockets -d 'How many local sockets ask about the mapping, from 2 to 32' -r
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l region -d 'Use only this region of the map; may be given several times' -r
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l cache-dir -d 'Where the last copy of a fetched map is kept [default: the user\'s cache directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l bind-address -d 'Send from this local address' -r
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l bind-port -d 'Send from this local UDP port' -r
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l interface -d 'Send through this network interface' -r
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l save -d 'Keep what was asked and heard in FILE, for --replay' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l replay -d 'Conclude from a file of --save instead of asking the network' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l derp-map -d 'A DERP map whose STUN servers are asked as well: URL, file, - for standard input, the word embedded, or default for the public Tailscale map [default: none]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand nat" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l servers -d 'List what was learned about each server'
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l lifetime -d 'Measure how long idle mappings live; takes minutes'
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l rfc3489 -d 'Also run the classic procedure of RFC 3489 against one server'
complete -c natscope -n "__fish_natscope_using_subcommand nat" -s 4 -d 'Use IPv4 only'
complete -c natscope -n "__fish_natscope_using_subcommand nat" -s 6 -d 'Use IPv6 only'
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l no-portmap -d 'Do not ask the router for port-mapping services (asking never creates a mapping)'
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l no-https -d 'Do not ask over TCP when UDP is silent: STUN servers by STUN, relays of a map by HTTPS'
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l gentle -d 'Send nothing to this host\'s own outside endpoint: no hairpin test'
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand nat" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand nat" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand nat" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand nat" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l via -d 'The relay: a region\'s code or number, http(s)://HOST[:PORT], or HOST[:PORT]' -r -f -a "(__fish_print_hostnames)"
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l key -d 'The private key to join the relay with; made, readable by its owner only, when FILE does not exist' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand listen" -s c -l count -d 'End after this many answered pings [default: no end]' -r
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l derp-map -d 'A DERP map: URL, file, - for standard input, or the word embedded [default: the public Tailscale map]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l region -d 'Use only this region of the map; may be given several times' -r
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l cache-dir -d 'Where the last copy of a fetched map is kept [default: the user\'s cache directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l bind-address -d 'Send from this local address' -r
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l bind-port -d 'Send from this local UDP port' -r
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l interface -d 'Send through this network interface' -r
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand listen" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l direct -d 'Also try for a direct path, and say of each pong which path it took'
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l portmap -d 'With --direct: have the router map a port to this host, by PCP, NAT-PMP or UPnP, and offer that endpoint too'
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l insecure -d 'Do not verify the relay\'s certificate: for a relay with one of its own that is in no map'
complete -c natscope -n "__fish_natscope_using_subcommand listen" -s 4 -d 'Use IPv4 only'
complete -c natscope -n "__fish_natscope_using_subcommand listen" -s 6 -d 'Use IPv6 only'
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand listen" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand listen" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand listen" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand listen" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l via -d 'The relay: a region\'s code or number, http(s)://HOST[:PORT], or HOST[:PORT]' -r -f -a "(__fish_print_hostnames)"
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l key -d 'The private key to join the relay with; made, readable by its owner only, when FILE does not exist' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand ping" -s c -l count -d 'End after this many pings' -r
complete -c natscope -n "__fish_natscope_using_subcommand ping" -s i -l interval -d 'Time from one ping to the next, as 1s or 200ms; at least 10ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l size -d 'Bytes of each ping as sent, from 124 to 65000; the pong is not padded' -r
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l derp-map -d 'A DERP map: URL, file, - for standard input, or the word embedded [default: the public Tailscale map]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l region -d 'Use only this region of the map; may be given several times' -r
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l cache-dir -d 'Where the last copy of a fetched map is kept [default: the user\'s cache directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l bind-address -d 'Send from this local address' -r
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l bind-port -d 'Send from this local UDP port' -r
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l interface -d 'Send through this network interface' -r
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand ping" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l direct -d 'Also try for a direct path, and say of each pong which path it took'
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l portmap -d 'With --direct: have the router map a port to this host, by PCP, NAT-PMP or UPnP, and offer that endpoint too'
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l insecure -d 'Do not verify the relay\'s certificate: for a relay with one of its own that is in no map'
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l until-direct -d 'End with the first pong that took a direct path; implies --direct'
complete -c natscope -n "__fish_natscope_using_subcommand ping" -s 4 -d 'Use IPv4 only'
complete -c natscope -n "__fish_natscope_using_subcommand ping" -s 6 -d 'Use IPv6 only'
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand ping" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand ping" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand ping" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand ping" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l addr -d 'Where the relay listens: :PORT for every address of the host, IP:PORT, [IPV6]:PORT [default: :443]' -r
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l http-addr -d 'Where plain HTTP listens beside HTTPS, or none [default: port 80, when HTTPS has port 443; else none]' -r
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l stun-addr -d 'Where STUN listens (UDP), or none [default: port 3478 of the relay\'s addresses]' -r
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l stun-alternate-addr -d 'A second STUN address, IP:PORT with another port, at most one for each address family' -r
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l stun-bpf -d 'Answer Tailscale\'s STUN requests that come in on this interface in the kernel, as a small BPF program there' -r
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l metrics-addr -d 'Where a status page (/), metrics for Prometheus (/metrics) and the health check (/healthz) are, over plain HTTP [default: nowhere]' -r
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l hostname -d 'The DNS name or IP address clients reach this relay under' -r -f -a "(__fish_print_hostnames)"
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l cert-mode -d 'Where the certificate comes from [default: self-signed]' -r -f -a "self-signed\t'Made by natscope, kept in --cert-dir, and pinned by its hash in the map'
manual\t'HOSTNAME.crt and HOSTNAME.key of --cert-dir, read again when they change'
acme\t'From an authority, by ACME, and renewed in time; using it is agreeing to its terms of service'
none\t'No TLS: something in front of the relay has the certificate'"
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l cert-dir -d 'Where certificates are kept, as HOSTNAME.crt and HOSTNAME.key' -r -f -a "(__fish_complete_directories)"
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l acme-directory -d 'The ACME directory that certificates are had from [default: Let\'s Encrypt]' -r -f
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l acme-email -d 'Where the authority may write to about the certificates it has given' -r -f
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l acme-ca -d 'Who has signed the certificate of the ACME directory itself, as PEM: for an authority of your own, as step-ca' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l key -d 'The relay\'s own key, in derper\'s format; made when there is none' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l allow -d 'Serve this client: nodekey:… or 64 hex digits, or a file with one such key a line (# begins a comment)' -r
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l verify-client-url -d 'Ask this URL about each client, as derper does; any answer but yes, and none at all, is a no' -r -f
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l verify-tailscaled -d 'Serve the nodes the tailscaled of this host knows, asked over its socket' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l max-clients -d 'Most clients served at once' -r
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l rate-limit -d 'Limit how fast clients may send and come, as this file says; it is read again when it changes, and on SIGHUP' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l mesh-psk-file -d 'The key all relays of this one\'s mesh share: a file with 64 hex digits, as derper\'s -mesh-psk-file' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l mesh-with -d 'Connect to these relays of the mesh: HOST[:PORT][/DIAL][=PIN], several separated by commas' -r
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l stun-helper -d 'Have this natscope relay, HOST[:PORT] of its STUN, send our clients what tells how their NAT filters' -r
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand relay" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l open -d 'Serve anyone'
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l dev -d 'For development: plain HTTP on 127.0.0.1:3340, open to all programs of this host, a fresh key'
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand relay" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand relay" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand relay" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand relay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand predict" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand predict" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand predict" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand predict" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand predict" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand predict" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand predict" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand predict" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand predict" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand predict" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand predict" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand predict" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand diff" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand diff" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand diff" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand diff" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand diff" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand diff" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand diff" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand diff" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand diff" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand diff" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand diff" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l long -d 'Also hold a connection this long and see whether it is kept [default with the bare flag: 110s]' -r
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l stun-port -d 'The UDP port of the relay\'s STUN server where no map says it; 0 for none [default: 3478]' -r
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l compare -d 'A report of the same command from another host (--json or --save): tells a relay\'s fault from one of this end' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l derp-map -d 'A DERP map: URL, file, - for standard input, or the word embedded [default: the public Tailscale map]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l region -d 'Use only this region of the map; may be given several times' -r
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l cache-dir -d 'Where the last copy of a fetched map is kept [default: the user\'s cache directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l bind-address -d 'Send from this local address' -r
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l bind-port -d 'Send from this local UDP port' -r
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l interface -d 'Send through this network interface' -r
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l save -d 'Keep what was asked and heard in FILE, for --replay' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l replay -d 'Conclude from a file of --save instead of asking the network' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l local -d 'This is the relay\'s own host: also look at its sockets, its clock and the derpers that run on it (Linux)'
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -s 4 -d 'Use IPv4 only'
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -s 6 -d 'Use IPv6 only'
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l listen -d 'Where /metrics is answered over plain HTTP: IP:PORT, [IPV6]:PORT, or :PORT for every address of the host' -r
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l every -d 'From the beginning of one measurement to that of the next' -r
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l doctor -d 'Also examine this relay each time, as natscope doctor does: http(s)://HOST[:PORT], HOST[:PORT], or a region of the map; may be given several times' -r -f -a "(__fish_print_hostnames)"
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l stun-port -d 'The UDP port of the STUN servers of examined relays that are in no map; 0 for none [default: 3478]' -r
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l derp-map -d 'A DERP map: URL, file, - for standard input, or the word embedded [default: the public Tailscale map]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l region -d 'Use only this region of the map; may be given several times' -r
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l cache-dir -d 'Where the last copy of a fetched map is kept [default: the user\'s cache directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l bind-address -d 'Send from this local address' -r
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l bind-port -d 'Send from this local UDP port' -r
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l interface -d 'Send through this network interface' -r
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -s 4 -d 'Use IPv4 only'
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -s 6 -d 'Use IPv6 only'
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l no-nat -d 'Do not find out the NAT\'s behaviour'
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l no-portmap -d 'Do not ask the router for port-mapping services (asking never creates a mapping)'
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l no-https -d 'Do not measure relays over HTTPS'
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l no-icmp -d 'Do not send ICMP echo'
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l no-captive-portal -d 'Do not look for a captive portal'
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand exporter" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and not __fish_seen_subcommand_from show lint convert" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and not __fish_seen_subcommand_from show lint convert" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and not __fish_seen_subcommand_from show lint convert" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and not __fish_seen_subcommand_from show lint convert" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and not __fish_seen_subcommand_from show lint convert" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and not __fish_seen_subcommand_from show lint convert" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and not __fish_seen_subcommand_from show lint convert" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and not __fish_seen_subcommand_from show lint convert" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and not __fish_seen_subcommand_from show lint convert" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and not __fish_seen_subcommand_from show lint convert" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and not __fish_seen_subcommand_from show lint convert" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and not __fish_seen_subcommand_from show lint convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and not __fish_seen_subcommand_from show lint convert" -f -a "show" -d 'Show the map in force, and which source each region comes from'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and not __fish_seen_subcommand_from show lint convert" -f -a "lint" -d 'Find mistakes in maps, with file, line and column'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and not __fish_seen_subcommand_from show lint convert" -f -a "convert" -d 'Write a map as DERPMap JSON, Tailscale policy or Headscale YAML'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from show" -l cache-dir -d 'Where the last copy of a fetched map is kept [default: the user\'s cache directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from show" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from show" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from show" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from show" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from show" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from show" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from show" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from show" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from show" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from lint" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from lint" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from lint" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from lint" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from lint" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from lint" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from lint" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from lint" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from lint" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from lint" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from lint" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from lint" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from convert" -l to -d 'The notation to write' -r -f -a "json\t'DERPMap JSON, as clients and derper take it'
hujson\t'The section derpMap of a Tailscale policy'
yaml\t'A file for derp.paths of Headscale'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from convert" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from convert" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from convert" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from convert" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from convert" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from convert" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from convert" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from convert" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from convert" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from convert" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from convert" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand derpmap; and __fish_seen_subcommand_from convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand explain" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand explain" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand explain" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand explain" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand explain" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand explain" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand explain" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand explain" -l list -d 'List every code with its title'
complete -c natscope -n "__fish_natscope_using_subcommand explain" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand explain" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand explain" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand explain" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand selftest" -l save -d 'Keep what was asked and heard in FILE, for `natscope netcheck --replay`' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand selftest" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand selftest" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand selftest" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand selftest" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand selftest" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand selftest" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand selftest" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand selftest" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand selftest" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand selftest" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand selftest" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand selftest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand config; and not __fish_seen_subcommand_from show" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand config; and not __fish_seen_subcommand_from show" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand config; and not __fish_seen_subcommand_from show" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand config; and not __fish_seen_subcommand_from show" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand config; and not __fish_seen_subcommand_from show" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand config; and not __fish_seen_subcommand_from show" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand config; and not __fish_seen_subcommand_from show" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand config; and not __fish_seen_subcommand_from show" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand config; and not __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand config; and not __fish_seen_subcommand_from show" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand config; and not __fish_seen_subcommand_from show" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand config; and not __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand config; and not __fish_seen_subcommand_from show" -f -a "show" -d 'Show each setting in force, and where it comes from'
complete -c natscope -n "__fish_natscope_using_subcommand config; and __fish_seen_subcommand_from show" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand config; and __fish_seen_subcommand_from show" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand config; and __fish_seen_subcommand_from show" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand config; and __fish_seen_subcommand_from show" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand config; and __fish_seen_subcommand_from show" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand config; and __fish_seen_subcommand_from show" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand config; and __fish_seen_subcommand_from show" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c natscope -n "__fish_natscope_using_subcommand completions" -l format -d 'In which form to write the answer' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
json-line\t'One JSON document a line, one line a report'
markdown\t'Markdown, for a bug report'
tailscale-json\t'The field names of `tailscale netcheck --format json` (netcheck only)'
html\t'One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping)'"
complete -c natscope -n "__fish_natscope_using_subcommand completions" -s o -l output -d 'Write the answer to FILE instead of standard output' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand completions" -l color -d 'When to colour the answer' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Even into a pipe'
never\t'Not at all'"
complete -c natscope -n "__fish_natscope_using_subcommand completions" -l lang -d 'Language of the answer [default: that of the locale]' -r -f -a "en\t'English'
zh-CN\t'Chinese, simplified'"
complete -c natscope -n "__fish_natscope_using_subcommand completions" -l timeout -d 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms' -r
complete -c natscope -n "__fish_natscope_using_subcommand completions" -l fail-on -d 'From which severity of a finding on to exit with 1' -r -f -a "never\t'No finding makes it fail'
info\t'Any finding'
warning\t'Warnings and errors'
error\t'Errors only'"
complete -c natscope -n "__fish_natscope_using_subcommand completions" -l config -d 'Take settings from this file; none for no file [default: natscope/natscope.toml in the user\'s configuration directory]' -r -F
complete -c natscope -n "__fish_natscope_using_subcommand completions" -l json -d 'Short for --format json'
complete -c natscope -n "__fish_natscope_using_subcommand completions" -s q -l quiet -d 'Say nothing on standard error but errors: no progress, no warnings'
complete -c natscope -n "__fish_natscope_using_subcommand completions" -s v -l verbose -d 'Show more; twice, log to standard error too'
complete -c natscope -n "__fish_natscope_using_subcommand completions" -l redact -d 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
complete -c natscope -n "__fish_natscope_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
