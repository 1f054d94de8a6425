
use builtin;
use str;

set edit:completion:arg-completer[natscope] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'natscope'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'natscope'= {
            cand --format 'In which form to write the answer'
            cand -o 'Write the answer to FILE instead of standard output'
            cand --output 'Write the answer to FILE instead of standard output'
            cand --color 'When to colour the answer'
            cand --lang 'Language of the answer [default: that of the locale]'
            cand --timeout 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms'
            cand --fail-on 'From which severity of a finding on to exit with 1'
            cand --json 'Short for --format json'
            cand -q 'Say nothing on standard error but errors: no progress, no warnings'
            cand --quiet 'Say nothing on standard error but errors: no progress, no warnings'
            cand -v 'Show more; twice, log to standard error too'
            cand --verbose 'Show more; twice, log to standard error too'
            cand --redact 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand netcheck 'Report how this host reaches the internet and the relays'
            cand nat 'Tell which kind of NAT stands between this host and the internet'
            cand selftest 'Try natscope on a relay of its own on loopback; needs no internet'
            cand completions 'Print a completion script for a shell'
        }
        &'natscope;netcheck'= {
            cand --derp-map 'A DERP map: URL, file, - for standard input, or the word embedded [default: the public Tailscale map]'
            cand --region 'Use only this region of the map; may be given several times'
            cand --cache-dir 'Where the last copy of a fetched map is kept [default: the user''s cache directory]'
            cand --bind-address 'Send from this local address'
            cand --bind-port 'Send from this local UDP port'
            cand --interface 'Send through this network interface'
            cand --every 'Report again every so often, until --count or Ctrl-C'
            cand --count 'End after this many reports [default: 1, or no end with --every]'
            cand --save 'Keep what was asked and heard in FILE, for --replay'
            cand --replay 'Conclude from a file of --save instead of asking the network'
            cand --format 'In which form to write the answer'
            cand -o 'Write the answer to FILE instead of standard output'
            cand --output 'Write the answer to FILE instead of standard output'
            cand --color 'When to colour the answer'
            cand --lang 'Language of the answer [default: that of the locale]'
            cand --timeout 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms'
            cand --fail-on 'From which severity of a finding on to exit with 1'
            cand -4 'Use IPv4 only'
            cand -6 'Use IPv6 only'
            cand --no-nat 'Do not find out the NAT''s behaviour'
            cand --no-portmap 'Do not ask the router for port-mapping services (asking never creates a mapping)'
            cand --no-https 'Do not measure relays over HTTPS'
            cand --no-icmp 'Do not send ICMP echo'
            cand --no-captive-portal 'Do not look for a captive portal'
            cand --dry-run 'Print what would be asked, and ask nothing'
            cand --json 'Short for --format json'
            cand -q 'Say nothing on standard error but errors: no progress, no warnings'
            cand --quiet 'Say nothing on standard error but errors: no progress, no warnings'
            cand -v 'Show more; twice, log to standard error too'
            cand --verbose 'Show more; twice, log to standard error too'
            cand --redact 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'natscope;nat'= {
            cand --stun-server 'A STUN server to ask; may be given several times. Same as SERVER'
            cand --sockets 'How many local sockets ask about the mapping, from 2 to 32'
            cand --region 'Use only this region of the map; may be given several times'
            cand --cache-dir 'Where the last copy of a fetched map is kept [default: the user''s cache directory]'
            cand --bind-address 'Send from this local address'
            cand --bind-port 'Send from this local UDP port'
            cand --interface 'Send through this network interface'
            cand --save 'Keep what was asked and heard in FILE, for --replay'
            cand --replay 'Conclude from a file of --save instead of asking the network'
            cand --derp-map 'A DERP map whose STUN servers are asked as well: URL, file, - for standard input, the word embedded, or default for the public Tailscale map [default: none]'
            cand --format 'In which form to write the answer'
            cand -o 'Write the answer to FILE instead of standard output'
            cand --output 'Write the answer to FILE instead of standard output'
            cand --color 'When to colour the answer'
            cand --lang 'Language of the answer [default: that of the locale]'
            cand --timeout 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms'
            cand --fail-on 'From which severity of a finding on to exit with 1'
            cand --servers 'List what was learned about each server'
            cand -4 'Use IPv4 only'
            cand -6 'Use IPv6 only'
            cand --no-portmap 'Do not ask the router for port-mapping services (asking never creates a mapping)'
            cand --no-https 'Do not ask over TCP when UDP is silent: STUN servers by STUN, relays of a map by HTTPS'
            cand --gentle 'Send nothing to this host''s own outside endpoint: no hairpin test'
            cand --json 'Short for --format json'
            cand -q 'Say nothing on standard error but errors: no progress, no warnings'
            cand --quiet 'Say nothing on standard error but errors: no progress, no warnings'
            cand -v 'Show more; twice, log to standard error too'
            cand --verbose 'Show more; twice, log to standard error too'
            cand --redact 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'natscope;selftest'= {
            cand --save 'Keep what was asked and heard in FILE, for `natscope netcheck --replay`'
            cand --format 'In which form to write the answer'
            cand -o 'Write the answer to FILE instead of standard output'
            cand --output 'Write the answer to FILE instead of standard output'
            cand --color 'When to colour the answer'
            cand --lang 'Language of the answer [default: that of the locale]'
            cand --timeout 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms'
            cand --fail-on 'From which severity of a finding on to exit with 1'
            cand --json 'Short for --format json'
            cand -q 'Say nothing on standard error but errors: no progress, no warnings'
            cand --quiet 'Say nothing on standard error but errors: no progress, no warnings'
            cand -v 'Show more; twice, log to standard error too'
            cand --verbose 'Show more; twice, log to standard error too'
            cand --redact 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'natscope;completions'= {
            cand --format 'In which form to write the answer'
            cand -o 'Write the answer to FILE instead of standard output'
            cand --output 'Write the answer to FILE instead of standard output'
            cand --color 'When to colour the answer'
            cand --lang 'Language of the answer [default: that of the locale]'
            cand --timeout 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms'
            cand --fail-on 'From which severity of a finding on to exit with 1'
            cand --json 'Short for --format json'
            cand -q 'Say nothing on standard error but errors: no progress, no warnings'
            cand --quiet 'Say nothing on standard error but errors: no progress, no warnings'
            cand -v 'Show more; twice, log to standard error too'
            cand --verbose 'Show more; twice, log to standard error too'
            cand --redact 'Leave out of the answer what tells where it was made: addresses, host names, interface names'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
    ]
    $completions[$command]
}
