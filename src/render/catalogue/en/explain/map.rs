//! Explanations of what is found in a DERP map.

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const REGION_ID: Explanation = text(
    "RegionID is not the region's key",
    "A region stands under a key in the map, and says a RegionID of its own; so do its nodes. Clients use now the \
     one, now the other. If they differ, connections go to a region that does not exist.",
    "The key, RegionID of the region and RegionID of each node are compared. A missing RegionID counts as 0, as \
     in Tailscale's client.",
    "Set all of them to the key, usually after a region was copied: {\"Regions\": {\"900\": {\"RegionID\": 900, \
     \"Nodes\": [{\"RegionID\": 900, …}]}}}",
);

pub(super) const HOST_NAME: Explanation = text(
    "HostName is no host name",
    "HostName is what clients look up, dial and name in TLS. With a scheme, a port, a path or a blank in it no \
     lookup ever succeeds.",
    "The text is compared with the rules for host names (RFC 1123). IP addresses are fine; an IPv6 address stands \
     without brackets. An underscore is taken by most resolvers and by no public certificate authority.",
    "Write the bare name. A port goes into DERPPort; the path is always /derp. A proxy before the relay needs no \
     mention.",
);

pub(super) const RESERVED_REGION: Explanation = text(
    "A region id outside 900 to 999",
    "Numbers below 900 are those of Tailscale's own regions: a region laid over the public map under such a \
     number replaces the public one. Above 65535 a number does not fit where clients keep it, and the region does \
     not work.",
    "Told from the key. In a map that stands alone low numbers do no harm, so there it is a note. Regions of \
     hosts below tailscale.com are taken for Tailscale's own.",
    "Number your own regions from 900 to 999.",
);

pub(super) const NAMES: Explanation = text(
    "Names that are missing or there twice",
    "Clients find nodes by Name, over the whole map: of two nodes with one name the wrong one is measured. \
     RegionCode and RegionName are what people see and what `--region` takes.",
    "Names and codes are compared over all regions of the text, exactly as written.",
    "Name nodes after their region, as 900a, 900b, 901a, and give every region a code and a name of its own.",
);

pub(super) const SINGLE_REGION: Explanation = text(
    "A single region, or OmitDefaultRegions that is no boolean",
    "With one region and no others beside it, its failure leaves hosts that are not connected already without any \
     way to each other. And OmitDefaultRegions wants true or false: the text \"true\" makes the whole map \
     unreadable.",
    "The single region is reported only where nothing tells of others: not in a policy that keeps the public \
     regions, nor in a map that removes some.",
    "Write \"OmitDefaultRegions\": true without quotes. Run a second relay at another provider, or keep the \
     public regions as a reserve.",
);

pub(super) const YAML_KEY: Explanation = text(
    "A key that Headscale does not read",
    "Headscale reads the keys of its map files in lower case only, exactly: `regionid` and not `RegionID`, \
     `hostname` and not `HostName`. Others are ignored without a word, and the region or node goes without the \
     value.",
    "The YAML decoder (yaml.v3) lower-cases the names of the fields and compares them exactly.",
    "Write all keys in lower case, without underscores: regions, regionid, regioncode, regionname, nodes, name, \
     hostname, certname, ipv4, ipv6, stunport, stunonly, derpport, canport80. `natscope derpmap convert --to \
     yaml` writes them so.",
);

pub(super) const HEADSCALE_IGNORES: Explanation = text(
    "What Headscale ignores in a map file",
    "Headscale merges the regions of its sources and nothing else: HomeParams and OmitDefaultRegions in a file of \
     `derp.paths` have no effect.",
    "Known from Headscale's way of merging; the file itself is well formed.",
    "Remove them. To go without the public regions, take their URL out of `derp.urls`.",
);

pub(super) const HEADSCALE_NULL: Explanation = text(
    "A removal that Headscale may not carry out",
    "`1: null` in a map file is to remove region 1 of a source before it. Releases up to 0.29 do so; development \
     versions of 2026 skip it, and the region stays.",
    "Only the text is seen here, not the version. The behaviour of the newer versions was read from their source \
     and not tried.",
    "Ask a client which regions it has (`tailscale netcheck`). If the region is still there, save the public map \
     to a file, remove the region from it and name that file in place of the URL.",
);

pub(super) const INSECURE: Explanation = text(
    "The certificate is not verified",
    "InsecureForTests makes clients accept any certificate. Packets stay encrypted from end to end, but whoever \
     can redirect the connection can read who talks to whom, and drop it.",
    "The flag is set. With a `sha256-raw:` pin beside it the pin is still compared, and the flag is not needed.",
    "Pin the certificate: CertName \"sha256-raw:\" and the output of `openssl x509 -in cert.pem -outform der | \
     sha256sum`. Or get a certificate; Let's Encrypt issues them to IP addresses too.",
);

pub(super) const SYNTAX: Explanation = text(
    "The text is not well formed, or the map at the wrong level",
    "A policy is JSON with comments and trailing commas and nothing else: no single quotes, no bare keys, no `#`. \
     A Headscale map is YAML. derpMap stands in the outermost braces of a policy.",
    "The reader stops at the first character that cannot stand there; the mistake is there or shortly before, \
     often a missing comma or quote on the line above.",
    "Correct that place and run the lint again; there may be more behind it. For a map in a wrong place, move \
     \"derpMap\" to the outermost braces.",
);

pub(super) const AVOID: Explanation = text(
    "Avoid is deprecated",
    "Avoid was to keep a region from becoming home unless it is already, and clients treat it differently: some \
     skip its STUN.",
    "The flag is set.",
    "Use NoMeasureNoHome: the region is never measured and never home, and still reaches peers.",
);

pub(super) const NO_HOST_NAME: Explanation = text(
    "A node without HostName",
    "Clients dial HostName, and name it in TLS. Some use an address of the node when there is none, with no name \
     to check the certificate against.",
    "HostName is missing, empty, or written with a key that is not read (then there is another finding).",
    "Add HostName. A relay without a name is given by its address, with a certificate for that address or a pin \
     in CertName.",
);

pub(super) const DUPLICATE_KEY: Explanation = text(
    "A key that is there twice",
    "JSON decoders take the last of two equal keys, so what stands above has no effect. YAML refuses the file.",
    "Keys are compared as the program reads them: in JSON in any case, in YAML exactly.",
    "Remove one of the two. For two relays of one region, put both into its Nodes.",
);

pub(super) const UNKNOWN_KEY: Explanation = text(
    "A key that nothing reads",
    "Clients ignore keys they do not know. A misspelt key is as good as none.",
    "Compared with the keys of Tailscale's map in any case. One that differs in `_`, `-` or blanks only is \
     probably meant for it; that is a warning, others are a note.",
    "Correct the spelling, or remove the key.",
);

pub(super) const NO_NODES: Explanation = text(
    "A region without nodes",
    "A region that has no relay is never measured and cannot be used. null among nodes is left out by some \
     clients and crashes others.",
    "Nodes is missing, empty or null, or is written with a key that is not read.",
    "Add a node, or remove the region.",
);

pub(super) const PORT: Explanation = text(
    "A port that is none",
    "Ports go from 1 to 65535. STUNPort 0 means 3478 and -1 means no STUN; DERPPort 0 means 443. With any other \
     number the node has no STUN, or cannot be dialled.",
    "Told from the number.",
    "Write the port the server listens on, without quotes.",
);

pub(super) const SCORE: Explanation = text(
    "A score that is ignored",
    "HomeParams.RegionScore multiplies a region's latency when the home region is chosen. Numbers that are not \
     greater than 0 are ignored, as if there were none.",
    "Told from the number; null counts as 0.",
    "Write a factor: 0.5 makes a region look twice as near, 2 twice as far.",
);

pub(super) const ADDRESS: Explanation = text(
    "An address that is none",
    "IPv4, IPv6 and STUNTestIP want an address of their kind. Any other text turns the family off, as `none` \
     does, without a word.",
    "Only texts with digits, dots or colons are reported: they look like an address with a slip in it, or like \
     one of the other family.",
    "Correct the address, or write `none` if that is what is meant.",
);

pub(super) const MORE_DOCUMENTS: Explanation = text(
    "Further YAML documents",
    "A line of three hyphens begins another document, and only the first one is read.",
    "A second document begins at the place that is shown.",
    "Put what is needed into one document, or into files of their own.",
);

pub(super) const WRONG_TYPE: Explanation = text(
    "A value of the wrong type",
    "Ports are numbers, flags true or false, names texts. A decoder refuses the whole map for one value of \
     another type: clients keep their old map, Headscale does not start.",
    "Told from the notation: \"3478\" in quotes is a text. In YAML a name that looks like a number needs no \
     quotes.",
    "Write ports and ids without quotes, and true or false without quotes.",
);

pub(super) const REGION_KEY: Explanation = text(
    "A region's key is no number",
    "Regions are kept by number. Any other key makes the map unreadable; in YAML quotes make it a text.",
    "Keys are whole numbers from 1 to 9007199254740991.",
    "Write the RegionID as key: \"900\" in JSON, 900 in YAML. The short name belongs into RegionCode.",
);

pub(super) const NONE: Explanation = text(
    "There is no map in the text",
    "A map is an object with Regions in it, at the top or under derpMap. This text is something else, which the \
     finding names if it can be told.",
    "Found out before anything else is looked at.",
    "Give the map itself: of Headscale not config.yaml, but a file that `derp.paths` names; of a URL not its web \
     page.",
);

pub(super) const TOO_LARGE: Explanation = text(
    "A text too large to be a map",
    "More bytes, values, regions or levels than any map has. It is refused so that a slip, or somebody's malice, \
     does not cost the machine its memory.",
    "The limits: 16 MiB, a million values (YAML aliases count as what they stand for), 10,000 regions and as many \
     nodes, 128 levels.",
    "Make a map of the regions that matter.",
);

pub(super) const PIN: Explanation = text(
    "A certificate pin that never matches",
    "With CertName \"sha256-raw:…\" clients compare the SHA-256 of the whole certificate, as lower-case \
     hexadecimal text. A pin of another form matches nothing, and every connection fails.",
    "Told from the text: 64 digits, 0 to 9 and a to f.",
    "Take the output of `openssl x509 -in cert.pem -outform der | sha256sum`, and renew the pin with the \
     certificate.",
);

pub(super) const STUN_PORT: Explanation = text(
    "STUNPort 0 or -1",
    "0 is not \"none\" but the default, 3478; -1 is none. A region without any STUN cannot be measured over UDP: \
     clients seldom make it home.",
    "Told from the number. It is a warning only where no node of a region that is to be measured has STUN.",
    "Leave STUNPort out for 3478. Write -1 only if the relay has no STUN server.",
);

pub(super) const FAMILY_OFF: Explanation = text(
    "An address family is turned off",
    "Any text but an address in IPv4 or IPv6, as `none`, keeps clients from using that family with the node. With \
     both turned off the node cannot be reached, whatever its name resolves to.",
    "Told from the text; one family is a note, both are an error.",
    "Leave the field out to have the name looked up, or write the address.",
);

pub(super) const STUN_ONLY: Explanation = text(
    "A region that relays nothing",
    "Nodes with STUNOnly answer STUN and are never dialled. A region of such nodes is measured, may become home, \
     and then nobody is reached through it.",
    "Every node of the region is STUNOnly, or has a DERPPort that is none.",
    "Add a node that relays, or set NoMeasureNoHome.",
);

pub(super) const STUN_TEST_IP: Explanation = text(
    "STUNTestIP is for tests",
    "STUN goes to that address, whatever address the relay has: the latency shown is that of another host.",
    "The field holds an address.",
    "Remove it. Addresses of the relay belong into IPv4 and IPv6.",
);

pub(super) const PORT80: Explanation = text(
    "CanPort80 without an IPv4 address",
    "Clients check for captive portals on port 80 of such nodes, and take their IPv4 address from the map. Where \
     the relay does not answer that check, every client reports a portal.",
    "The flag is set and IPv4 is not an address.",
    "Add IPv4 and have the relay serve /generate_204 on port 80, or remove CanPort80.",
);

pub(super) const EMPTY: Explanation = text(
    "A map without regions",
    "No region means no relay: hosts that cannot reach each other directly do not connect at all. Headscale does \
     not start with an empty map.",
    "The text sets no region, and no other map is under it. In YAML, keys in the wrong case are a common cause \
     (another finding says so).",
    "Add regions, or remove OmitDefaultRegions to keep the public ones.",
);

pub(super) const ODD_ADDRESS: Explanation = text(
    "An address nobody elsewhere can reach",
    "Loopback is each client itself; link-local and unspecified addresses and groups are no relay's; \
     198.18.0.0/15 is what a proxy in fake-IP mode makes up, and is copied into maps from a lookup behind such a \
     proxy.",
    "Told from the address. Private addresses are not reported: relays of a company's network may have them.",
    "Write the relay's public address, or leave the field out.",
);

pub(super) const POSITION: Explanation = text(
    "Degrees that are nowhere on earth",
    "Latitude and Longitude help to choose a region before anything is measured.",
    "Latitude goes from -90 to 90, Longitude from -180 to 180.",
    "Correct them, or leave them out; are the two exchanged?",
);
