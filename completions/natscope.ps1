
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'natscope' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'natscope'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'natscope' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'In which form to write the answer')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the answer')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'Language of the answer [default: that of the locale]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'From which severity of a finding on to exit with 1')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Leave out of the answer what tells where it was made: addresses, host names, interface names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('netcheck', 'netcheck', [CompletionResultType]::ParameterValue, 'Report how this host reaches the internet and the relays')
            [CompletionResult]::new('nat', 'nat', [CompletionResultType]::ParameterValue, 'Tell which kind of NAT stands between this host and the internet')
            [CompletionResult]::new('relay', 'relay', [CompletionResultType]::ParameterValue, 'Run a DERP relay with a STUN server that Tailscale clients accept')
            [CompletionResult]::new('predict', 'predict', [CompletionResultType]::ParameterValue, 'Tell from two saved reports whether the two hosts will connect directly')
            [CompletionResult]::new('derpmap', 'derpmap', [CompletionResultType]::ParameterValue, 'Look at DERP maps: the effective one, mistakes with line and column, other notations')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain a finding by its code, offline')
            [CompletionResult]::new('selftest', 'selftest', [CompletionResultType]::ParameterValue, 'Try natscope on a relay of its own on loopback; needs no internet')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            break
        }
        'natscope;netcheck' {
            [CompletionResult]::new('--derp-map', '--derp-map', [CompletionResultType]::ParameterName, 'A DERP map: URL, file, - for standard input, or the word embedded [default: the public Tailscale map]')
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'Use only this region of the map; may be given several times')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where the last copy of a fetched map is kept [default: the user''s cache directory]')
            [CompletionResult]::new('--bind-address', '--bind-address', [CompletionResultType]::ParameterName, 'Send from this local address')
            [CompletionResult]::new('--bind-port', '--bind-port', [CompletionResultType]::ParameterName, 'Send from this local UDP port')
            [CompletionResult]::new('--interface', '--interface', [CompletionResultType]::ParameterName, 'Send through this network interface')
            [CompletionResult]::new('--every', '--every', [CompletionResultType]::ParameterName, 'Report again every so often, until --count or Ctrl-C')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'End after this many reports [default: 1, or no end with --every]')
            [CompletionResult]::new('--save', '--save', [CompletionResultType]::ParameterName, 'Keep what was asked and heard in FILE, for --replay')
            [CompletionResult]::new('--replay', '--replay', [CompletionResultType]::ParameterName, 'Conclude from a file of --save instead of asking the network')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'In which form to write the answer')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the answer')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'Language of the answer [default: that of the locale]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'From which severity of a finding on to exit with 1')
            [CompletionResult]::new('-4', '-4', [CompletionResultType]::ParameterName, 'Use IPv4 only')
            [CompletionResult]::new('-6', '-6', [CompletionResultType]::ParameterName, 'Use IPv6 only')
            [CompletionResult]::new('--no-nat', '--no-nat', [CompletionResultType]::ParameterName, 'Do not find out the NAT''s behaviour')
            [CompletionResult]::new('--no-portmap', '--no-portmap', [CompletionResultType]::ParameterName, 'Do not ask the router for port-mapping services (asking never creates a mapping)')
            [CompletionResult]::new('--no-https', '--no-https', [CompletionResultType]::ParameterName, 'Do not measure relays over HTTPS')
            [CompletionResult]::new('--no-icmp', '--no-icmp', [CompletionResultType]::ParameterName, 'Do not send ICMP echo')
            [CompletionResult]::new('--no-captive-portal', '--no-captive-portal', [CompletionResultType]::ParameterName, 'Do not look for a captive portal')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print what would be asked, and ask nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Leave out of the answer what tells where it was made: addresses, host names, interface names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'natscope;nat' {
            [CompletionResult]::new('--stun-server', '--stun-server', [CompletionResultType]::ParameterName, 'A STUN server to ask; may be given several times. Same as SERVER')
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'Use only this region of the map; may be given several times')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where the last copy of a fetched map is kept [default: the user''s cache directory]')
            [CompletionResult]::new('--bind-address', '--bind-address', [CompletionResultType]::ParameterName, 'Send from this local address')
            [CompletionResult]::new('--bind-port', '--bind-port', [CompletionResultType]::ParameterName, 'Send from this local UDP port')
            [CompletionResult]::new('--interface', '--interface', [CompletionResultType]::ParameterName, 'Send through this network interface')
            [CompletionResult]::new('--save', '--save', [CompletionResultType]::ParameterName, 'Keep what was asked and heard in FILE, for --replay')
            [CompletionResult]::new('--replay', '--replay', [CompletionResultType]::ParameterName, 'Conclude from a file of --save instead of asking the network')
            [CompletionResult]::new('--derp-map', '--derp-map', [CompletionResultType]::ParameterName, 'A DERP map whose STUN servers are asked as well: URL, file, - for standard input, the word embedded, or default for the public Tailscale map [default: none]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'In which form to write the answer')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the answer')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'Language of the answer [default: that of the locale]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'From which severity of a finding on to exit with 1')
            [CompletionResult]::new('--servers', '--servers', [CompletionResultType]::ParameterName, 'List what was learned about each server')
            [CompletionResult]::new('-4', '-4', [CompletionResultType]::ParameterName, 'Use IPv4 only')
            [CompletionResult]::new('-6', '-6', [CompletionResultType]::ParameterName, 'Use IPv6 only')
            [CompletionResult]::new('--no-portmap', '--no-portmap', [CompletionResultType]::ParameterName, 'Do not ask the router for port-mapping services (asking never creates a mapping)')
            [CompletionResult]::new('--no-https', '--no-https', [CompletionResultType]::ParameterName, 'Do not ask relays of a map over HTTPS when their UDP is silent')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Leave out of the answer what tells where it was made: addresses, host names, interface names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'natscope;relay' {
            [CompletionResult]::new('--addr', '--addr', [CompletionResultType]::ParameterName, 'Where the relay listens: :PORT for every address of the host, IP:PORT, [IPV6]:PORT [default: :443]')
            [CompletionResult]::new('--http-addr', '--http-addr', [CompletionResultType]::ParameterName, 'Where plain HTTP listens beside HTTPS, or none [default: port 80, when HTTPS has port 443; else none]')
            [CompletionResult]::new('--stun-addr', '--stun-addr', [CompletionResultType]::ParameterName, 'Where STUN listens (UDP), or none [default: port 3478 of the relay''s addresses]')
            [CompletionResult]::new('--stun-alternate-addr', '--stun-alternate-addr', [CompletionResultType]::ParameterName, 'A second STUN address, IP:PORT with another port, at most one for each address family')
            [CompletionResult]::new('--hostname', '--hostname', [CompletionResultType]::ParameterName, 'The DNS name or IP address clients reach this relay under')
            [CompletionResult]::new('--cert-mode', '--cert-mode', [CompletionResultType]::ParameterName, 'Where the certificate comes from [default: self-signed]')
            [CompletionResult]::new('--cert-dir', '--cert-dir', [CompletionResultType]::ParameterName, 'Where certificates are kept, as HOSTNAME.crt and HOSTNAME.key')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The relay''s own key, in derper''s format; made when there is none')
            [CompletionResult]::new('--allow', '--allow', [CompletionResultType]::ParameterName, 'Serve this client: nodekey:… or 64 hex digits, or a file with one such key a line (# begins a comment)')
            [CompletionResult]::new('--verify-client-url', '--verify-client-url', [CompletionResultType]::ParameterName, 'Ask this URL about each client, as derper does; any answer but yes, and none at all, is a no')
            [CompletionResult]::new('--verify-tailscaled', '--verify-tailscaled', [CompletionResultType]::ParameterName, 'Serve the nodes the tailscaled of this host knows, asked over its socket')
            [CompletionResult]::new('--max-clients', '--max-clients', [CompletionResultType]::ParameterName, 'Most clients served at once')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'In which form to write the answer')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the answer')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'Language of the answer [default: that of the locale]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'From which severity of a finding on to exit with 1')
            [CompletionResult]::new('--open', '--open', [CompletionResultType]::ParameterName, 'Serve anyone')
            [CompletionResult]::new('--dev', '--dev', [CompletionResultType]::ParameterName, 'For development: plain HTTP on 127.0.0.1:3340, open to all programs of this host, a fresh key')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Leave out of the answer what tells where it was made: addresses, host names, interface names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'natscope;predict' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'In which form to write the answer')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the answer')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'Language of the answer [default: that of the locale]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'From which severity of a finding on to exit with 1')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Leave out of the answer what tells where it was made: addresses, host names, interface names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'natscope;derpmap' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'In which form to write the answer')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the answer')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'Language of the answer [default: that of the locale]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'From which severity of a finding on to exit with 1')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Leave out of the answer what tells where it was made: addresses, host names, interface names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show the map in force, and which source each region comes from')
            [CompletionResult]::new('lint', 'lint', [CompletionResultType]::ParameterValue, 'Find mistakes in maps, with file, line and column')
            [CompletionResult]::new('convert', 'convert', [CompletionResultType]::ParameterValue, 'Write a map as DERPMap JSON, Tailscale policy or Headscale YAML')
            break
        }
        'natscope;derpmap;show' {
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Where the last copy of a fetched map is kept [default: the user''s cache directory]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'In which form to write the answer')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the answer')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'Language of the answer [default: that of the locale]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'From which severity of a finding on to exit with 1')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Leave out of the answer what tells where it was made: addresses, host names, interface names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'natscope;derpmap;lint' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'In which form to write the answer')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the answer')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'Language of the answer [default: that of the locale]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'From which severity of a finding on to exit with 1')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Leave out of the answer what tells where it was made: addresses, host names, interface names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'natscope;derpmap;convert' {
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'The notation to write')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'In which form to write the answer')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the answer')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'Language of the answer [default: that of the locale]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'From which severity of a finding on to exit with 1')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Leave out of the answer what tells where it was made: addresses, host names, interface names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'natscope;explain' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'In which form to write the answer')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the answer')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'Language of the answer [default: that of the locale]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'From which severity of a finding on to exit with 1')
            [CompletionResult]::new('--list', '--list', [CompletionResultType]::ParameterName, 'List every code with its title')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Leave out of the answer what tells where it was made: addresses, host names, interface names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'natscope;selftest' {
            [CompletionResult]::new('--save', '--save', [CompletionResultType]::ParameterName, 'Keep what was asked and heard in FILE, for `natscope netcheck --replay`')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'In which form to write the answer')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the answer')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'Language of the answer [default: that of the locale]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'From which severity of a finding on to exit with 1')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Leave out of the answer what tells where it was made: addresses, host names, interface names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'natscope;completions' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'In which form to write the answer')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the answer to FILE instead of standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the answer')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'Language of the answer [default: that of the locale]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'From which severity of a finding on to exit with 1')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing on standard error but errors: no progress, no warnings')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice, log to standard error too')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Leave out of the answer what tells where it was made: addresses, host names, interface names')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
