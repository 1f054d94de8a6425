use std::fmt::Write as _;

use crate::model::Family;
use crate::render::catalogue::{Explanation, MapWord, MapWords};
use crate::report::{FindingCode, HostFault, MapMistake, MapNotation, MapSourceReport, NoMap, OddAddress, PinFault};

impl MapWords for super::English {
    fn map_mistake(&self, mistake: &MapMistake) -> (String, String) {
        self::mistake(mistake)
    }

    fn explanation(&self, code: FindingCode) -> Explanation {
        super::explain::explanation(code)
    }

    fn tally(&self, tally: [usize; 3]) -> String {
        let [errors, warnings, notes] = tally;
        if errors + warnings + notes == 0 {
            return "no mistakes".to_owned();
        }
        let counted = [(errors, "error", "errors"), (warnings, "warning", "warnings"), (notes, "note", "notes")];
        let counted = counted.into_iter().filter(|(number, ..)| *number > 0);
        let counted = counted.map(|(number, one, more)| format!("{number} {}", if number == 1 { one } else { more }));
        counted.collect::<Vec<_>>().join(", ")
    }

    fn map_source(&self, source: &MapSourceReport) -> String {
        let notation = match source.notation {
            None => return "not read".to_owned(),
            Some(MapNotation::Json) => "JSON",
            Some(MapNotation::HuJson) => "HuJSON",
            Some(MapNotation::HeadscaleYaml) => "Headscale YAML",
        };
        let count = |number: usize, one: &str, more: &str| format!("{number} {}", if number == 1 { one } else { more });
        let (regions, nodes) = (count(source.regions, "region", "regions"), count(source.nodes, "node", "nodes"));
        match source.removes {
            0 => format!("{notation}, {regions}, {nodes}"),
            removes => format!("{notation}, {regions}, {nodes}, removes {removes}"),
        }
    }

    fn map_word(&self, word: MapWord) -> &'static str {
        match word {
            MapWord::Means => "What it means",
            MapWord::Evidence => "What it rests on",
            MapWord::Code => "Code",
            MapWord::Title => "Finding",
            MapWord::Id => "Id",
            MapWord::Source => "Source",
            MapWord::Removed => "Removed regions",
            MapWord::RemovedBy => "By",
            MapWord::Replaces => "Replaces that of",
            MapWord::Score => "Score",
            MapWord::MoreLeftOut => "more are left out",
            MapWord::ExplainHint => "More:",
            MapWord::EmptyMap => "no regions",
            MapWord::Value => "Value",
            MapWord::EveryCommand => "every command",
            MapWord::FromFlag => "command line",
            MapWord::FromVariable => "variable",
            MapWord::FromDefault => "default",
            MapWord::NoConfigFile => "no configuration file; it would be",
            MapWord::ConfigFile => "configuration file",
        }
    }
}

/// A mistake in a map: what it is with what it does, and what to write instead.
#[allow(clippy::too_many_lines, reason = "one arm a mistake, nothing else")]
fn mistake(mistake: &MapMistake) -> (String, String) {
    match mistake {
        MapMistake::RegionId { key, found, node } => {
            let whose = if *node { "the node's RegionID" } else { "RegionID" };
            let title = match found {
                Some(found) => format!("{whose} is {found}, and the region's key is {key}"),
                None => format!("{whose} is missing: clients take it for 0"),
            };
            (title, format!("Set RegionID to {key}: the region's key, its RegionID and that of its nodes must be one number."))
        }
        MapMistake::HostName { host, fault, meant } => {
            let title = match fault {
                HostFault::Scheme => format!("HostName `{host}` has a scheme; a name with it never resolves"),
                HostFault::Port(port) => format!("HostName `{host}` has the port {port} in it; a name with it never resolves"),
                HostFault::Path => format!("HostName `{host}` has a slash; a name with it never resolves"),
                HostFault::Space => format!("HostName `{host}` has white space in it"),
                HostFault::Wildcard => format!("HostName `{host}` is a wildcard, which is for certificates and cannot be dialled"),
                HostFault::Brackets => format!("HostName `{host}` is an IPv6 address in brackets, which clients add themselves"),
                HostFault::Underscore => {
                    format!("HostName `{host}` has an underscore, for which no public certificate is issued")
                }
                HostFault::Character(odd) => format!("HostName `{host}` has a `{odd}`, which host names do not have"),
                HostFault::Label => format!("HostName `{host}` is no host name: a part between dots is empty, too long or ends in a hyphen"),
            };
            let mut fix = match meant {
                Some(meant) => format!("Write `{meant}`."),
                None if *fault == HostFault::Underscore => "Give the relay a name with a hyphen.".to_owned(),
                None if matches!(fault, HostFault::Character(odd) if !odd.is_ascii()) => {
                    "Write the name in its ASCII form, as `xn--…`.".to_owned()
                }
                None => "Write the relay's DNS name or IP address and nothing else.".to_owned(),
            };
            if let HostFault::Port(port) = fault {
                // Writing to a string cannot fail.
                let _ = write!(fix, " The port has a field of its own: DERPPort {port}.");
            }
            (title, fix)
        }
        MapMistake::ReservedRegion { id, certain: true } => (
            format!("region {id} is outside 900 to 999 and replaces the public region of that number, if there is one"),
            "Number your own regions from 900 to 999.".to_owned(),
        ),
        MapMistake::ReservedRegion { id, certain: false } => (
            format!("region {id} is outside 900 to 999, the numbers for one's own regions"),
            "Fine for a map that stands alone; to lay it over the public one, use 900 to 999.".to_owned(),
        ),
        MapMistake::RegionIdTooLarge { id } => (
            format!("region id {id} is above 65535, and clients keep region ids in 16 bits"),
            "Use a number from 900 to 999.".to_owned(),
        ),
        MapMistake::NodeNameTwice { name, first, line } => (
            format!("the node name `{name}` is already in region {first} (line {line}): clients confuse the two"),
            "Give every node of the whole map a name of its own, as 900a, 900b, 901a.".to_owned(),
        ),
        MapMistake::RegionCodeTwice { code, first, line } => (
            format!("the region code `{code}` is already that of region {first} (line {line})"),
            "Give every region a code of its own, or nobody can tell them apart in a report.".to_owned(),
        ),
        MapMistake::NoRegionName => (
            "the region has no RegionName: clients show a blank".to_owned(),
            "Add a RegionName, as \"Frankfurt\".".to_owned(),
        ),
        MapMistake::NoName { field: "Name" } => (
            "the node has no Name, by which clients find it".to_owned(),
            "Add a Name that no other node of the map has, as \"900a\".".to_owned(),
        ),
        MapMistake::NoName { field } => {
            (format!("{field} is missing or empty"), format!("Add a {field}, as \"fra\"."))
        }
        MapMistake::SingleRegion => (
            "this is the only region: when it is down, nobody reaches anybody new".to_owned(),
            "Add a second region elsewhere, or keep the public ones.".to_owned(),
        ),
        MapMistake::UnknownKey { key, meant: Some(meant), .. } => {
            (format!("the key `{key}` is not read"), format!("Write `{meant}`."))
        }
        MapMistake::UnknownKey { key, meant: None, .. } => (
            format!("the key `{key}` is not read; no key of a map is like it"),
            "Remove it, unless another program reads it.".to_owned(),
        ),
        MapMistake::HeadscaleIgnores { key } => (
            format!("Headscale takes over `regions` of a map file only: {key} has no effect"),
            "Remove it. To go without the public regions, take their URL out of `derp.urls`.".to_owned(),
        ),
        MapMistake::HeadscaleNull { id } => (
            format!("whether null removes region {id} depends on Headscale's version"),
            format!("See whether clients still get region {id}; if so, serve a map without it in place of the URL."),
        ),
        MapMistake::Insecure { pinned: true } => (
            "InsecureForTests: only the pin in CertName tells this relay from an impostor".to_owned(),
            "Remove it: a `sha256-raw:` pin is enough for clients to accept the certificate.".to_owned(),
        ),
        MapMistake::Insecure { pinned: false } => (
            "InsecureForTests: any certificate is accepted, an impostor's too".to_owned(),
            "Pin the certificate with CertName `sha256-raw:…`, or get one (Let's Encrypt gives them to IP addresses too)."
                .to_owned(),
        ),
        MapMistake::Syntax { expected, found } => {
            (format!("expected {expected}, found {found}"), "Correct the text at that place.".to_owned())
        }
        MapMistake::Yaml { said } => (
            format!("not valid YAML: {said}"),
            "Correct the text at that place; see to the indentation, which must be of blanks.".to_owned(),
        ),
        MapMistake::Misplaced => (
            "derpMap is not at the top of the policy, and so is not read".to_owned(),
            "Move it to the outermost braces, beside `acls` or `grants`.".to_owned(),
        ),
        MapMistake::Avoid => (
            "Avoid is deprecated, and clients do not agree on what it does".to_owned(),
            "Use NoMeasureNoHome to keep a region from becoming home.".to_owned(),
        ),
        MapMistake::NoHostName { dialled: Some(address) } => (
            format!("the node has no HostName; natscope dials {address}, other clients may not"),
            format!("Add HostName, `{address}` if it has no name."),
        ),
        MapMistake::NoHostName { dialled: None } => (
            "the node has no HostName and no address: it cannot be reached".to_owned(),
            "Add HostName.".to_owned(),
        ),
        MapMistake::DuplicateKey { key, first_line, fatal: true } => (
            format!("the key `{key}` is already on line {first_line}, which YAML forbids"),
            "Remove one of the two.".to_owned(),
        ),
        MapMistake::DuplicateKey { key, first_line, fatal: false } => (
            format!("the key `{key}` is already on line {first_line}; this later one counts"),
            "Remove one of the two.".to_owned(),
        ),
        MapMistake::NoNodes => (
            "the region has no nodes: it is never measured and cannot relay".to_owned(),
            "Add a node, or remove the region.".to_owned(),
        ),
        MapMistake::NullNode => ("null among the nodes; clients may crash on it".to_owned(), "Remove it.".to_owned()),
        MapMistake::Port { field: "STUNPort", found } => (
            format!("STUNPort {found} is no port: the node counts as having no STUN"),
            "Write a port from 1 to 65535; 0 means 3478, -1 means none.".to_owned(),
        ),
        MapMistake::Port { field, found } => (
            format!("{field} {found} is no port: nobody can dial the relay"),
            "Write a port from 1 to 65535; 0 means 443.".to_owned(),
        ),
        MapMistake::Score { score } => (
            format!("a score must be greater than 0; {score} is ignored"),
            "Write a factor on the region's latency: 0.5 makes it look twice as near.".to_owned(),
        ),
        MapMistake::NotAnAddress { found } => (
            format!("`{found}` is not an address of this kind; it turns the family off for the node"),
            "Correct the address, or write `none` if that is what is meant.".to_owned(),
        ),
        MapMistake::MoreDocuments => (
            "only the first YAML document of a file is read".to_owned(),
            "Put the documents into files of their own, or into one.".to_owned(),
        ),
        MapMistake::WrongType { expected, found, omit: _ } => (
            format!("expected {expected}, found {found}: the whole map is refused"),
            format!("Write {expected}."),
        ),
        MapMistake::RegionKey { found } => (
            format!("a region's key is its number; found {found}"),
            "Write the number from 900 to 999 that is the region's RegionID too; in YAML without quotes.".to_owned(),
        ),
        MapMistake::NoMap(what) => no_map(what),
        MapMistake::TooLarge { said } => (said.clone(), "Make a map of the regions that matter.".to_owned()),
        MapMistake::Pin(fault) => {
            let what = match fault {
                PinFault::UpperCase => "has upper-case digits, and clients compare with lower-case ones".to_owned(),
                PinFault::Length(length) => format!("has {length} digits and not 64"),
                PinFault::NotHex => "is not hexadecimal".to_owned(),
            };
            (
                format!("the pin in CertName {what}: it matches no certificate"),
                "Write the lower-case hexadecimal SHA-256 of the certificate in DER form, as `openssl x509 -in cert.pem \
                 -outform der | sha256sum` prints it."
                    .to_owned(),
            )
        }
        MapMistake::StunPortZero => (
            "STUNPort 0 means 3478, not none".to_owned(),
            "Nothing, if 3478 is meant; to go without STUN write -1.".to_owned(),
        ),
        MapMistake::StunOff { region: false } => (
            "STUNPort -1: the node has no STUN, and its latency is not measured over UDP".to_owned(),
            "Nothing, if the relay has no STUN server.".to_owned(),
        ),
        MapMistake::StunOff { region: true } => (
            "no node of the region has STUN: clients cannot measure it, and seldom make it home".to_owned(),
            "Open UDP 3478 at a relay of the region and remove STUNPort -1.".to_owned(),
        ),
        MapMistake::FamilyOff { family } => {
            let family = family_name(*family);
            (format!("{family} is turned off for the node"), format!("Nothing, if the node is not to be asked over {family}."))
        }
        MapMistake::BothFamiliesOff => (
            "IPv4 and IPv6 are both turned off: the node cannot be reached".to_owned(),
            "Give an address for one of them, or leave it out to have the name looked up.".to_owned(),
        ),
        MapMistake::StunOnly => (
            "every node of the region is STUNOnly: the region relays nothing".to_owned(),
            "Add a node that relays, or mark the region NoMeasureNoHome.".to_owned(),
        ),
        MapMistake::StunTestIp => (
            "STUNTestIP is for tests: STUN goes there, whatever address the relay has".to_owned(),
            "Remove it; an address of the relay belongs into IPv4 or IPv6.".to_owned(),
        ),
        MapMistake::Port80 => (
            "CanPort80 without an IPv4 address: clients check for captive portals by that address".to_owned(),
            "Add IPv4, or remove CanPort80.".to_owned(),
        ),
        MapMistake::Empty => (
            "the map sets no region: there would be no relay at all".to_owned(),
            "Add a region under `Regions` (`regions` in Headscale's YAML).".to_owned(),
        ),
        MapMistake::OddAddress { address, kind } => {
            let kind = match kind {
                OddAddress::Loopback => "the client itself",
                OddAddress::Unspecified => "no address",
                OddAddress::LinkLocal => "an address of one link",
                OddAddress::Multicast => "a group of hosts",
                OddAddress::Fake => "an address a proxy in fake-IP mode has made up",
            };
            (
                format!("{address} is {kind}: nobody reaches a relay there from elsewhere"),
                "Write the relay's public address, or leave the field out to have the name looked up.".to_owned(),
            )
        }
        MapMistake::Position { degrees } => (
            format!("{degrees} degrees are nowhere on earth"),
            "Latitude goes from -90 to 90, longitude from -180 to 180.".to_owned(),
        ),
    }
}

fn no_map(what: &NoMap) -> (String, String) {
    let (what, fix) = match what {
        NoMap::Blank => ("the text is empty".to_owned(), "Is it the right file?"),
        NoMap::Html => ("it is a web page".to_owned(), "Is the URL right, and does it need a login?"),
        NoMap::Binary { looks_like } => (format!("it is not text but {looks_like}"), "Is it the right file?"),
        NoMap::NotUtf8 => ("it is not UTF-8 text".to_owned(), "Save the file as UTF-8."),
        NoMap::HeadscaleConfig { maps } if maps.is_empty() => (
            "it is Headscale's configuration, which names no maps".to_owned(),
            "Give a map that `derp.paths` could name.",
        ),
        NoMap::HeadscaleConfig { maps } => (
            format!("it is Headscale's configuration, which only says where its maps are: {}", maps.join(", ")),
            "Give one of those instead.",
        ),
        NoMap::Policy => (
            "it is a Tailscale policy without a \"derpMap\" section".to_owned(),
            "Add \"derpMap\" to the outermost braces.",
        ),
        NoMap::BareRegions => {
            ("these are regions without {\"Regions\": …} around them".to_owned(), "Put {\"Regions\": …} around them.")
        }
        NoMap::BareRegion => ("it is one region".to_owned(), "Put {\"Regions\": {\"900\": …}} around it."),
        NoMap::BareNode => (
            "it is one node".to_owned(),
            "Put {\"Regions\": {\"900\": {\"RegionID\": 900, \"Nodes\": […]}}} around it.",
        ),
        NoMap::OtherObject { keys } if keys.is_empty() => ("the object is empty".to_owned(), "A map has \"Regions\"."),
        NoMap::OtherObject { keys } => {
            (format!("there is no \"Regions\" among its keys ({})", keys.join(", ")), "Is it the right file?")
        }
        NoMap::NotAnObject { found } => {
            (format!("a map is an object with \"Regions\" in it, this is {found}"), "Is it the right file?")
        }
    };
    (format!("no DERP map: {what}"), fix.to_owned())
}

const fn family_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}
