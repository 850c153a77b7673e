//! Makes up the hosts of a run from its targets, always the same for the same targets and the same number of the run.
//!
//! Odd and even runs differ in one row each, so that comparing neighbours has something to show. Names that begin
//! with `unreachable` never answer.

use super::plugins::{self as feed, CHECKS};
use super::{Finding, Host, Plugin};

/// Networks are thinned out to this many hosts each, and a run to `MOST_HOSTS`.
const HOSTS_OF_A_NETWORK: usize = 3;
const MOST_HOSTS: usize = 24;

/// In which runs of a scan a row appears.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runs {
    All,
    Odd,
    Even,
}

struct Row(&'static Plugin, u16, &'static str, &'static str, Runs, &'static str);

static LINUX: [Row; 17] = [
    Row(&feed::SCAN_INFORMATION, 0, "tcp", "general", Runs::All, SCAN_INFORMATION),
    Row(
        &feed::OS_IDENTIFICATION,
        0,
        "tcp",
        "general",
        Runs::All,
        "\nRemote operating system : Linux Kernel 5.15 on Ubuntu 22.04 (jammy)\nConfidence level : 95\nMethod : SSH\n\n\nThe remote host is running Linux Kernel 5.15 on Ubuntu 22.04 (jammy)",
    ),
    Row(
        &feed::ICMP_TIMESTAMP,
        0,
        "icmp",
        "general",
        Runs::All,
        "The difference between the local and remote clocks is 2 seconds.\n",
    ),
    Row(&feed::SYN_SCANNER, 22, "tcp", "ssh", Runs::All, "Port 22/tcp was found to be open"),
    Row(&feed::SYN_SCANNER, 80, "tcp", "www", Runs::All, "Port 80/tcp was found to be open"),
    Row(&feed::SYN_SCANNER, 443, "tcp", "www", Runs::All, "Port 443/tcp was found to be open"),
    Row(&feed::SERVICE_DETECTION, 22, "tcp", "ssh", Runs::All, "An SSH server is running on this port.\n"),
    Row(
        &feed::SERVICE_DETECTION,
        443,
        "tcp",
        "www",
        Runs::All,
        "A TLSv1.2 server answered on this port.\n\nA web server is running on this port through TLSv1.2.\n",
    ),
    Row(
        &feed::SSH_SERVER,
        22,
        "tcp",
        "ssh",
        Runs::All,
        "\nSSH version : SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.6\nSSH supported authentication : publickey,password\n",
    ),
    Row(&feed::HTTP_SERVER, 80, "tcp", "www", Runs::All, "The remote web server type is :\n\nApache/2.4.52 (Ubuntu)"),
    Row(&feed::HTTP_SERVER, 443, "tcp", "www", Runs::All, "The remote web server type is :\n\nApache/2.4.52 (Ubuntu)"),
    Row(
        &feed::SSH_CBC,
        22,
        "tcp",
        "ssh",
        Runs::All,
        "\nThe following client-to-server Cipher Block Chaining (CBC) algorithms\nare supported : \n\n  3des-cbc\n  aes128-cbc\n",
    ),
    Row(
        &feed::TERRAPIN,
        22,
        "tcp",
        "ssh",
        Runs::Even,
        "\nSupports following ChaCha20-Poly1305 Client to Server algorithm : chacha20-poly1305@openssh.com\n",
    ),
    Row(
        &feed::REGRESSHION,
        22,
        "tcp",
        "ssh",
        Runs::Odd,
        "\n  Version source    : SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.6\n  Installed version : 8.9p1\n  Fixed version     : 9.8p1 / 9.8\n",
    ),
    Row(
        &feed::UNTRUSTED_CERTIFICATE,
        443,
        "tcp",
        "www",
        Runs::All,
        "\nThe following certificate was at the top of the certificate\nchain sent by the remote host, but it is signed by an unknown\ncertificate authority :\n\n|-Subject : O=Example & Sons/CN={name}\n|-Issuer  : O=Example & Sons/CN=Example \"Test\" CA\n",
    ),
    Row(&feed::TLS_1_0, 443, "tcp", "www", Runs::All, "TLSv1 is enabled and the server supports at least one cipher."),
    Row(
        &feed::APACHE,
        443,
        "tcp",
        "www",
        Runs::All,
        "\n  URL               : https://{name}/\n  Installed version : 2.4.52\n  Fixed version     : 2.4.60\n",
    ),
];

static WINDOWS: [Row; 12] = [
    Row(&feed::SCAN_INFORMATION, 0, "tcp", "general", Runs::All, SCAN_INFORMATION),
    Row(
        &feed::OS_IDENTIFICATION,
        0,
        "tcp",
        "general",
        Runs::All,
        "\nRemote operating system : Microsoft Windows Server 2008 R2 Standard\nConfidence level : 99\nMethod : MSRPC\n\n\nThe remote host is running Microsoft Windows Server 2008 R2 Standard",
    ),
    Row(
        &feed::ICMP_TIMESTAMP,
        0,
        "icmp",
        "general",
        Runs::All,
        "The ICMP timestamps seem to be in little endian format (not in network format)\nThe difference between the local and remote clocks is -1 seconds.\n",
    ),
    Row(&feed::SYN_SCANNER, 135, "tcp", "epmap", Runs::All, "Port 135/tcp was found to be open"),
    Row(&feed::SYN_SCANNER, 445, "tcp", "cifs", Runs::All, "Port 445/tcp was found to be open"),
    Row(&feed::SYN_SCANNER, 3389, "tcp", "msrdp", Runs::All, "Port 3389/tcp was found to be open"),
    Row(&feed::SMB_SIGNING, 445, "tcp", "cifs", Runs::All, ""),
    Row(
        &feed::MS17_010,
        445,
        "tcp",
        "cifs",
        Runs::All,
        "\nSent:\n00000054ff534d4225000000001803c8000000000000000000000000\n\nReceived:\nff534d4225050200c09803c80000000000000000000000000000000000000000\n",
    ),
    Row(&feed::BLUEKEEP, 3389, "tcp", "msrdp", Runs::Odd, ""),
    Row(
        &feed::SWEET32,
        3389,
        "tcp",
        "msrdp",
        Runs::All,
        "\n  Medium Strength Ciphers (> 64-bit and < 112-bit key, or 3DES)\n\n    Name                          Code             KEX           Auth     Encryption             MAC\n    ----------------------        ----------       ---           ----     ---------------------  ---\n    DES-CBC3-SHA                  0x00, 0x0A       RSA           RSA      3DES-CBC(168)          SHA1\n\nThe fields above are :\n\n  {Tenable ciphername}\n  {Cipher ID code}\n",
    ),
    Row(
        &feed::TLS_1_0,
        3389,
        "tcp",
        "msrdp",
        Runs::All,
        "TLSv1 is enabled and the server supports at least one cipher.",
    ),
    Row(
        &feed::UNTRUSTED_CERTIFICATE,
        3389,
        "tcp",
        "msrdp",
        Runs::All,
        "\nThe following certificate was at the top of the certificate\nchain sent by the remote host, but it is signed by an unknown\ncertificate authority :\n\n|-Subject : CN={name}\n|-Issuer  : CN={name}\n",
    ),
];

static NETWORK: [Row; 7] = [
    Row(&feed::SCAN_INFORMATION, 0, "tcp", "general", Runs::All, SCAN_INFORMATION),
    Row(&feed::SYN_SCANNER, 22, "tcp", "ssh", Runs::All, "Port 22/tcp was found to be open"),
    Row(&feed::SYN_SCANNER, 23, "tcp", "telnet", Runs::All, "Port 23/tcp was found to be open"),
    Row(
        &feed::TELNET,
        23,
        "tcp",
        "telnet",
        Runs::All,
        "\nNessus collected the following banner from the remote Telnet server :\n\n------------------------------ snip ------------------------------\n\nUser Access Verification\n\nUsername:\n------------------------------ snip ------------------------------\n",
    ),
    Row(
        &feed::SNMP_PUBLIC,
        161,
        "udp",
        "snmp",
        Runs::All,
        "\nThe remote SNMP server replies to the following default community\nstring :\n\npublic\n",
    ),
    Row(
        &feed::TERRAPIN,
        22,
        "tcp",
        "ssh",
        Runs::All,
        "\nSupports following ChaCha20-Poly1305 Client to Server algorithm : chacha20-poly1305@openssh.com\n",
    ),
    Row(
        &feed::SSH_CBC,
        22,
        "tcp",
        "ssh",
        Runs::Even,
        "\nThe following server-to-client Cipher Block Chaining (CBC) algorithms\nare supported : \n\n  aes256-cbc\n",
    ),
];

const SCAN_INFORMATION: &str = "Information about this scan : \n\nNessus version : 10.8.3\nNessus build : 20010\nPlugin feed version : 202501280413\nScanner edition used : Nessus\nScan type : Normal\nScan target : {name} ({ip})\nPort range : default\nPing RTT : 18.231 ms\nThorough tests : no\nCredentialed checks : no\nSafe checks : yes\nScan Start Date : {start}\nScan duration : {duration} sec\nScan for malware : no\n";

/// The hosts that the `run`th run over these comma-separated targets found, scanned between the two times.
pub fn scan(targets: &str, run: u32, started: i64, ended: i64) -> Vec<Host> {
    let mut names: Vec<(String, String)> = Vec::new();
    for target in targets.split([',', ' ', '\n']).map(str::trim).filter(|target| !target.is_empty()) {
        for host in expand(target) {
            if !names.contains(&host) && names.len() < MOST_HOSTS {
                names.push(host);
            }
        }
    }
    names.into_iter().map(|(name, ip)| host(name, ip, run, started, ended)).collect()
}

/// A target's hosts as name and address.
fn expand(target: &str) -> Vec<(String, String)> {
    let numbered = |first: u32, count: u64| {
        // Network addresses rarely answer, so a network begins with its tenth address where it has one.
        let skip = if count > 12 { 10 } else { u64::from(count > 2) };
        let from = u64::from(first) + skip;
        let addresses = from..u64::from(first) + count.max(1);
        addresses
            .take(HOSTS_OF_A_NETWORK)
            .filter_map(|number| u32::try_from(number).ok())
            .map(|number| std::net::Ipv4Addr::from(number).to_string())
            .map(|ip| (ip.clone(), ip))
            .collect()
    };
    if let Ok(address) = target.parse::<std::net::Ipv4Addr>() {
        return vec![(target.to_owned(), address.to_string())];
    }
    if let Some((network, length)) = target.split_once('/')
        && let (Ok(address), Ok(length)) = (network.parse::<std::net::Ipv4Addr>(), length.parse::<u32>())
        && length <= 32
    {
        let count = 1_u64 << (32 - length);
        let first = u64::from(u32::from(address)) / count * count;
        return numbered(u32::try_from(first).unwrap_or_default(), count);
    }
    if let Some((first, last)) = target.split_once('-')
        && let (Ok(first), Ok(last)) = (first.parse::<std::net::Ipv4Addr>(), last.parse::<std::net::Ipv4Addr>())
        && first <= last
    {
        let (first, last) = (u32::from(first), u32::from(last));
        return (first..=last)
            .take(HOSTS_OF_A_NETWORK)
            .map(|number| std::net::Ipv4Addr::from(number).to_string())
            .map(|ip| (ip.clone(), ip))
            .collect();
    }
    if target.starts_with("unreachable") {
        return Vec::new();
    }
    vec![(target.to_owned(), format!("203.0.113.{}", 1 + hash(target) % 250))]
}

fn host(name: String, ip: String, run: u32, started: i64, ended: i64) -> Host {
    let hash = hash(&name);
    let last = ip.rsplit('.').next().and_then(|octet| octet.parse::<u64>().ok()).unwrap_or_default();
    let (rows, os): (&[Row], _) = match if name == ip { last % 3 } else { hash % 3 } {
        0 => (&LINUX, Some("Linux Kernel 5.15 on Ubuntu 22.04 (jammy)")),
        1 => (&WINDOWS, Some("Microsoft Windows Server 2008 R2 Standard")),
        _ => (&NETWORK, None),
    };
    let fqdn = if name == ip {
        last.is_multiple_of(2).then(|| format!("host-{last}.example.org"))
    } else {
        Some(name.clone())
    };
    let label = fqdn.clone().unwrap_or_else(|| ip.clone());
    let fill = |text: &str| {
        text.replace("{name}", &label)
            .replace("{ip}", &ip)
            .replace("{start}", &super::ctime(started))
            .replace("{duration}", &(ended - started).to_string())
    };
    let present = |runs: Runs| match runs {
        Runs::All => true,
        Runs::Odd => run % 2 == 1,
        Runs::Even => run.is_multiple_of(2),
    };
    let mut findings: Vec<Finding> = rows
        .iter()
        .filter(|row| present(row.4))
        .map(|Row(plugin, port, protocol, service, _, output)| Finding {
            plugin,
            port: *port,
            protocol,
            service,
            output: fill(output),
            check: None,
        })
        .collect();
    if os.is_some_and(|os| os.contains("Linux")) {
        findings.extend(CHECKS.iter().map(|check| Finding {
            plugin: &feed::UNIX_COMPLIANCE,
            port: 0,
            protocol: "tcp",
            service: "general",
            output: String::new(),
            check: Some(check),
        }));
    }
    let windows = os.is_some_and(|os| os.contains("Windows"));
    Host {
        uuid: format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            hash >> 32,
            (hash >> 16) & 0xffff,
            (hash >> 4) & 0xfff,
            hash & 0xfff,
            hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) & 0xffff_ffff_ffff
        ),
        netbios: windows.then(|| format!("WIN-{last:03}")),
        mac: (last % 2 == 1).then(|| format!("00:50:56:A6:{:02X}:{:02X}", (hash >> 8) & 0xff, hash & 0xff)),
        os,
        name,
        ip,
        fqdn,
        started,
        ended,
        findings,
    }
}

/// FNV-1a: stable over versions of the standard library, unlike its hashers.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(targets: &str) -> Vec<String> {
        scan(targets, 1, 0, 60).into_iter().map(|host| host.name).collect()
    }

    #[test]
    fn targets_become_hosts() {
        assert_eq!(
            names("192.0.2.0/24, web.example.org"),
            ["192.0.2.10", "192.0.2.11", "192.0.2.12", "web.example.org"]
        );
        assert_eq!(names("192.0.2.7/32"), ["192.0.2.7"]);
        assert_eq!(names("192.0.2.9/30"), ["192.0.2.9", "192.0.2.10", "192.0.2.11"]);
        assert_eq!(names("192.0.2.250-192.0.3.9"), ["192.0.2.250", "192.0.2.251", "192.0.2.252"]);
        assert_eq!(names("192.0.2.1,192.0.2.1"), ["192.0.2.1"]);
        assert_eq!(names("0.0.0.0/0").len(), 3);
        assert!(names("unreachable.example.org").is_empty());
        assert!(names("").is_empty());
    }

    #[test]
    fn three_neighbours_have_every_severity_and_compliance() {
        let hosts = scan("192.0.2.12-192.0.2.14", 1, 0, 60);
        let rows: Vec<_> = hosts.iter().flat_map(|host| &host.findings).collect();
        for severity in 0..=4 {
            assert!(rows.iter().any(|finding| finding.severity() == severity), "{severity}");
        }
        assert!(rows.iter().any(|finding| finding.plugin.cves.len() > 5));
        assert!(rows.iter().any(|finding| finding.output.lines().count() > 10));
        assert!(rows.iter().any(|finding| finding.check.is_some()));
        assert!(rows.iter().any(|finding| finding.protocol == "udp"));
        assert!(!rows.iter().any(|finding| finding.output.contains("{name}") || finding.output.contains("{ip}")));
    }

    #[test]
    fn the_same_run_is_the_same_and_the_next_differs() {
        let ids = |run| -> Vec<(String, u32, u16)> {
            scan("192.0.2.12-192.0.2.14", run, 0, 60)
                .iter()
                .flat_map(|host| host.findings.iter().map(|row| (host.uuid.clone(), row.plugin.id, row.port)))
                .collect()
        };
        assert_eq!(ids(1), ids(1));
        assert_eq!(ids(1), ids(3));
        let (first, second) = (ids(1), ids(2));
        assert!(first.iter().any(|row| !second.contains(row)));
        assert!(second.iter().any(|row| !first.contains(row)));
    }

    #[test]
    fn asset_ids_are_ordinary_uuids() {
        for host in scan("192.0.2.0/24,a.example.org,b.example.org", 1, 0, 60) {
            let lengths: Vec<_> = host.uuid.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{}", host.uuid);
        }
    }
}
