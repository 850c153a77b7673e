//! The simulated plugin feed: real plugin numbers, names, scores and CVE ids, described in our own words.

use super::{Check, Cvss, Plugin};

const fn cvss(score: &'static str, vector: &'static str) -> Option<Cvss> {
    Some(Cvss { score, vector })
}

/// What most informational plugins have in common.
const INFO: Plugin = Plugin {
    id: 0,
    name: "",
    family: "General",
    severity: 0,
    kind: "remote",
    file: "",
    synopsis: "",
    description: "",
    solution: "n/a",
    see_also: &[],
    cves: &[],
    cwes: &[],
    references: &[],
    cvss2: None,
    cvss3: None,
    cvss4: None,
    vpr: None,
    epss: None,
    exploit: None,
    published: "2009/08/26",
    modified: "2024/03/13",
};

/// Facts about the scan itself.
pub static SCAN_INFORMATION: Plugin = Plugin {
    id: 19506,
    name: "Nessus Scan Information",
    family: "Settings",
    kind: "summary",
    file: "scan_info.nasl",
    synopsis: "Facts about how this host was scanned.",
    description: "Lists, for this host, what the scan used :\n\n  - the version of the scanner and of its plugins.\n  - the range of ports.\n  - whether it could log in.\n  - how long it took.",
    ..INFO
};

/// One open port, found by SYN.
pub static SYN_SCANNER: Plugin = Plugin {
    id: 11219,
    name: "Nessus SYN scanner",
    family: "Port scanners",
    file: "nessus_syn_scanner.nbin",
    synopsis: "The port is open.",
    description: "A half-open TCP scan found this port open.\n\nIt is quicker than a full connection and less\nlikely to disturb a fragile service.",
    solution: "Filter what need not be reachable.",
    ..INFO
};

/// What speaks on a port.
pub static SERVICE_DETECTION: Plugin = Plugin {
    id: 22964,
    name: "Service Detection",
    family: "Service detection",
    file: "find_service.nasl",
    synopsis: "The service on this port was recognised.",
    description: "The service was recognised by its banner or by its answer to a request.",
    ..INFO
};

/// Web server banner.
pub static HTTP_SERVER: Plugin = Plugin {
    id: 10107,
    name: "HTTP Server Type and Version",
    family: "Web Servers",
    file: "http_version.nasl",
    synopsis: "A web server answers on this port.",
    description: "Tries to learn which web server is running and its version.",
    references: &["IAVT:0001-T-0931"],
    published: "2000/01/04",
    modified: "2020/10/30",
    ..INFO
};

/// Operating system guess.
pub static OS_IDENTIFICATION: Plugin = Plugin {
    id: 11936,
    name: "OS Identification",
    kind: "combined",
    file: "os_fingerprint2.nasl",
    synopsis: "The operating system can be guessed.",
    description: "Several probes together suggest the name, and at times the version, of the operating system.",
    published: "2003/12/09",
    ..INFO
};

/// SSH banner.
pub static SSH_SERVER: Plugin = Plugin {
    id: 10267,
    name: "SSH Server Type and Version Information",
    family: "Service detection",
    file: "ssh_detect.nasl",
    synopsis: "An SSH server answers on this port.",
    description: "An SSH server tells its name and version before anybody has logged in.",
    references: &["IAVT:0001-T-0933"],
    ..INFO
};

/// Clock by ICMP.
pub static ICMP_TIMESTAMP: Plugin = Plugin {
    id: 10114,
    name: "ICMP Timestamp Request Remote Date Disclosure",
    severity: 1,
    file: "icmp_timestamp.nasl",
    synopsis: "The host tells strangers its time.",
    description: "The host answers ICMP timestamp requests. Its exact time may help to break\nauthentication that is based on time.",
    solution: "Drop ICMP timestamp requests (13) and the replies to them (14).",
    cves: &["CVE-1999-0524"],
    cwes: &[200],
    cvss2: cvss("2.1", "CVSS2#AV:L/AC:L/Au:N/C:P/I:N/A:N"),
    vpr: Some("2.2"),
    epss: Some("0.0037"),
    exploit: Some(false),
    published: "1999/08/01",
    modified: "2024/10/07",
    ..INFO
};

/// Weak ciphers of SSH.
pub static SSH_CBC: Plugin = Plugin {
    id: 70658,
    name: "SSH Server CBC Mode Ciphers Enabled",
    family: "Misc.",
    severity: 1,
    file: "ssh_cbc_supported_ciphers.nasl",
    synopsis: "The SSH server offers ciphers in CBC mode.",
    description: "The SSH server can be talked into Cipher Block Chaining, which may let an attacker\nrecover plain text from what is sent.\n\nOnly the options of the server are looked at, not its version.",
    solution: "Switch off CBC mode and use CTR or GCM.",
    cves: &["CVE-2008-5161"],
    cwes: &[200],
    references: &["CERT:958563"],
    cvss2: cvss("2.6", "CVSS2#AV:N/AC:H/Au:N/C:P/I:N/A:N"),
    cvss3: cvss("3.7", "CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:L/I:N/A:N"),
    vpr: Some("1.4"),
    epss: Some("0.0307"),
    exploit: Some(false),
    published: "2013/10/28",
    modified: "2023/10/27",
    ..INFO
};

/// Terrapin.
pub static TERRAPIN: Plugin = Plugin {
    id: 187_315,
    name: "SSH Terrapin Prefix Truncation Weakness (CVE-2023-48795)",
    family: "Misc.",
    severity: 2,
    file: "ssh_cve-2023-48795.nbin",
    synopsis: "Messages at the start of an SSH session can be cut out unnoticed.",
    description: "Somebody between client and server can remove messages from the beginning of the\nencrypted part of a session and so switch off some of its protections.",
    solution: "Ask the vendor for a version with strict key exchange, or switch off the ciphers concerned.",
    see_also: &["https://terrapin-attack.com/"],
    cves: &["CVE-2023-48795"],
    cwes: &[354],
    cvss2: cvss("5.4", "CVSS2#AV:N/AC:H/Au:N/C:N/I:C/A:N"),
    cvss3: cvss("5.9", "CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:H/A:N"),
    vpr: Some("6.1"),
    epss: Some("0.6131"),
    exploit: Some(true),
    published: "2023/12/27",
    modified: "2024/01/29",
    ..INFO
};

/// Certificate nobody vouches for.
pub static UNTRUSTED_CERTIFICATE: Plugin = Plugin {
    id: 51192,
    name: "SSL Certificate Cannot Be Trusted",
    severity: 2,
    file: "ssl_signed_certificate.nasl",
    synopsis: "The certificate of this service is not to be trusted.",
    description: "The chain of trust of the certificate is broken :\n\n  - its top is not a known authority, or a link is missing.\n\n  - a certificate of it is not valid at the time of the scan.\n\n  - a signature does not fit or could not be checked.",
    solution: "Use a certificate of an authority that the clients know.",
    see_also: &["https://www.itu.int/rec/T-REC-X.509/en", "https://en.wikipedia.org/wiki/X.509"],
    cwes: &[295],
    cvss2: cvss("6.4", "CVSS2#AV:N/AC:L/Au:N/C:P/I:P/A:N"),
    cvss3: cvss("6.5", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:L/A:N"),
    published: "2010/12/15",
    modified: "2020/04/27",
    ..INFO
};

/// Old TLS.
pub static TLS_1_0: Plugin = Plugin {
    id: 104_743,
    name: "TLS Version 1.0 Protocol Detection",
    family: "Service detection",
    severity: 2,
    file: "tls10_detection.nasl",
    synopsis: "The service still speaks an outdated version of TLS.",
    description: "Connections with TLS 1.0 are accepted. It has flaws in its design that newer versions\ndo not share, and browsers have given it up.",
    solution: "Offer TLS 1.2 and 1.3 and switch off 1.0.",
    see_also: &["https://tools.ietf.org/html/draft-ietf-tls-oldversions-deprecate-00"],
    cwes: &[327],
    cvss2: cvss("6.1", "CVSS2#AV:N/AC:H/Au:N/C:C/I:P/A:N"),
    cvss3: cvss("6.5", "CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:L/A:N"),
    published: "2017/11/22",
    modified: "2023/04/19",
    ..INFO
};

/// Unsigned SMB.
pub static SMB_SIGNING: Plugin = Plugin {
    id: 57608,
    name: "SMB Signing not required",
    family: "Misc.",
    severity: 2,
    file: "smb_signing_disabled.nasl",
    synopsis: "The SMB server does not insist on signatures.",
    description: "An attacker in the middle, without an account, can alter what passes between the\nSMB server and its clients.",
    solution: "Require signed messages in the host's configuration.",
    see_also: &[
        "http://technet.microsoft.com/en-us/library/cc731957.aspx",
        "https://www.samba.org/samba/docs/current/man-html/smb.conf.5.html",
    ],
    cvss2: cvss("5.0", "CVSS2#AV:N/AC:L/Au:N/C:N/I:P/A:N"),
    cvss3: cvss("5.3", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:L/A:N"),
    published: "2012/01/19",
    modified: "2022/10/05",
    ..INFO
};

/// Telnet.
pub static TELNET: Plugin = Plugin {
    id: 42263,
    name: "Unencrypted Telnet Server",
    family: "Misc.",
    severity: 2,
    file: "telnet_clear_text.nasl",
    synopsis: "Everything sent to this Telnet server can be read on the way.",
    description: "Logins, passwords and commands are sent in the clear, so that anybody on the way can\nread or change them.",
    solution: "Use SSH and switch Telnet off.",
    cwes: &[319],
    cvss2: cvss("5.8", "CVSS2#AV:N/AC:M/Au:N/C:P/I:P/A:N"),
    cvss3: cvss("6.5", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:L/A:N"),
    published: "2009/10/27",
    modified: "2024/01/16",
    ..INFO
};

/// Sweet32.
pub static SWEET32: Plugin = Plugin {
    id: 42873,
    name: "SSL Medium Strength Cipher Suites Supported (SWEET32)",
    severity: 3,
    file: "ssl_medium_supported_ciphers.nasl",
    synopsis: "The service offers TLS ciphers of middling strength.",
    description: "Ciphers with keys of 64 to 112 bits, or Triple DES, are accepted. On the same network\nsuch encryption is far easier to get round.",
    solution: "Leave out ciphers of middling strength.",
    see_also: &["https://www.openssl.org/blog/blog/2016/08/24/sweet32/", "https://sweet32.info"],
    cves: &["CVE-2016-2183"],
    cwes: &[200],
    cvss2: cvss("5.0", "CVSS2#AV:N/AC:L/Au:N/C:P/I:N/A:N"),
    cvss3: cvss("7.5", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"),
    vpr: Some("6.1"),
    epss: Some("0.3981"),
    exploit: Some(false),
    published: "2009/11/23",
    modified: "2025/02/12",
    ..INFO
};

/// SNMP with its default password.
pub static SNMP_PUBLIC: Plugin = Plugin {
    id: 41028,
    name: "SNMP Agent Default Community Name (public)",
    family: "SNMP",
    severity: 3,
    file: "snmp_default_public_community.nasl",
    synopsis: "The SNMP community name is the default one.",
    description: "With the community name 'public' anybody can read the configuration of this host, and\nchange it where the community may write.",
    solution: "Choose another name, filter UDP port 161, or switch SNMP off.",
    cves: &["CVE-1999-0517"],
    cwes: &[],
    cvss2: cvss("7.5", "CVSS2#AV:N/AC:L/Au:N/C:P/I:P/A:P"),
    cvss3: cvss("7.3", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:L/A:L"),
    vpr: Some("5.9"),
    epss: Some("0.0906"),
    exploit: Some(false),
    published: "2002/11/25",
    modified: "2022/06/01",
    ..INFO
};

/// regreSSHion.
pub static REGRESSHION: Plugin = Plugin {
    id: 201_194,
    name: "OpenSSH < 9.8 RCE",
    family: "Misc.",
    severity: 3,
    file: "openssh_98.nasl",
    synopsis: "The SSH server may let strangers run code.",
    description: "By its banner, OpenSSH on this host is older than 9.8. A race in the handling of a signal,\nonce fixed and brought back, may let somebody without an account run code as root\n(CVE-2024-6387, also called regreSSHion).\n\nOnly the version was looked at.",
    solution: "Upgrade OpenSSH to 9.8 or later.",
    see_also: &[
        "https://www.openssh.com/txt/release-9.8",
        "https://www.qualys.com/2024/07/01/cve-2024-6387/regresshion.txt",
    ],
    cves: &["CVE-2024-6387", "CVE-2024-39894"],
    cwes: &[362, 364],
    references: &["IAVA:2024-A-0375-S"],
    cvss2: cvss("7.6", "CVSS2#AV:N/AC:H/Au:N/C:C/I:C/A:C"),
    cvss3: cvss("8.1", "CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H"),
    cvss4: cvss("9.2", "CVSS:4.0/AV:N/AC:H/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"),
    vpr: Some("9.2"),
    epss: Some("0.6182"),
    exploit: Some(true),
    published: "2024/07/01",
    modified: "2024/10/07",
    ..INFO
};

/// BlueKeep.
pub static BLUEKEEP: Plugin = Plugin {
    id: 125_313,
    name: "Microsoft RDP RCE (CVE-2019-0708) (BlueKeep) (uncredentialed check)",
    family: "Windows",
    severity: 4,
    file: "msrdp_cve-2019-0708.nbin",
    synopsis: "The host lets strangers run code by way of Remote Desktop.",
    description: "Remote Desktop on this host has the flaw called BlueKeep. Somebody without an account can\nrun any code with a few crafted requests.",
    solution: "Install Microsoft's updates for this host.",
    see_also: &["https://portal.msrc.microsoft.com/en-US/security-guidance/advisory/CVE-2019-0708"],
    cves: &["CVE-2019-0708"],
    cwes: &[416],
    references: &["CISA-KNOWN-EXPLOITED:2022/05/03", "CEA-ID:CEA-2020-0129"],
    cvss2: cvss("10.0", "CVSS2#AV:N/AC:L/Au:N/C:C/I:C/A:C"),
    cvss3: cvss("9.8", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
    vpr: Some("9.7"),
    epss: Some("0.9445"),
    exploit: Some(true),
    published: "2019/05/22",
    modified: "2024/06/17",
    ..INFO
};

/// EternalBlue and its kin: many CVE ids on one row.
pub static MS17_010: Plugin = Plugin {
    id: 97833,
    name: "MS17-010: Security Update for Microsoft Windows SMB Server (4013389) (ETERNALBLUE) (ETERNALCHAMPION) (ETERNALROMANCE) (ETERNALSYNERGY) (WannaCry) (EternalRocks) (Petya) (uncredentialed check)",
    family: "Windows",
    severity: 3,
    file: "smb_nt_ms17-010_remote.nasl",
    synopsis: "The host has several flaws in SMB.",
    description: "Version 1 of SMB on this host mishandles some requests :\n\n  - strangers may run code (CVE-2017-0143,\n    CVE-2017-0144, CVE-2017-0145, CVE-2017-0146,\n    CVE-2017-0148)\n\n  - strangers may read memory (CVE-2017-0147)\n\nWorms and ransomware have used all of them.",
    solution: "Install the updates of bulletin MS17-010 and switch SMB version 1 off.",
    see_also: &["https://technet.microsoft.com/library/security/MS17-010", "http://www.nessus.org/u?321523eb"],
    cves: &["CVE-2017-0143", "CVE-2017-0144", "CVE-2017-0145", "CVE-2017-0146", "CVE-2017-0147", "CVE-2017-0148"],
    cwes: &[20, 200],
    references: &["EDB-ID:41891", "MSFT:MS17-010", "CISA-KNOWN-EXPLOITED:2022/05/03"],
    cvss2: cvss("10.0", "CVSS2#AV:N/AC:L/Au:N/C:C/I:C/A:C"),
    cvss3: cvss("8.1", "CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H"),
    vpr: Some("9.8"),
    epss: Some("0.9429"),
    exploit: Some(true),
    published: "2017/03/20",
    modified: "2022/05/25",
    ..INFO
};

/// Apache before 2.4.60.
pub static APACHE: Plugin = Plugin {
    id: 201_198,
    name: "Apache 2.4.x < 2.4.60 Multiple Vulnerabilities",
    family: "Web Servers",
    severity: 4,
    kind: "combined",
    file: "apache_2_4_60.nasl",
    synopsis: "The web server has several flaws.",
    description: "By its banner, the web server is Apache 2.4 before 2.4.60 and has several flaws, among them :\n\n  - mod_rewrite may map a request to files that were not\n    meant to be served (CVE-2024-38474, CVE-2024-38475)\n\n  - an application behind it may have its answers turned\n    into local handlers (CVE-2024-38476)\n\nOnly the version was looked at.",
    solution: "Upgrade Apache to 2.4.60 or later.",
    see_also: &["https://httpd.apache.org/security/vulnerabilities_24.html"],
    cves: &["CVE-2024-38474", "CVE-2024-38475", "CVE-2024-38476"],
    cwes: &[116, 829],
    references: &["IAVA:2024-A-0378-S"],
    cvss2: cvss("10.0", "CVSS2#AV:N/AC:L/Au:N/C:C/I:C/A:C"),
    cvss3: cvss("9.8", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
    vpr: Some("7.4"),
    epss: Some("0.9372"),
    exploit: Some(true),
    published: "2024/07/01",
    modified: "2025/05/02",
    ..INFO
};

/// The carrier of Unix compliance checks.
pub static UNIX_COMPLIANCE: Plugin = Plugin {
    id: 21157,
    name: "Unix Compliance Checks",
    family: "Policy Compliance",
    kind: "local",
    file: "unix_compliance_check.nbin",
    synopsis: "Compares a Unix host with a policy.",
    description: "Logs in and compares the host's configuration with an audit file.",
    published: "2006/04/04",
    modified: "2025/01/28",
    ..INFO
};

/// Every plugin of the feed, by id.
pub static ALL: [&Plugin; 20] = [
    &HTTP_SERVER,
    &ICMP_TIMESTAMP,
    &SSH_SERVER,
    &SYN_SCANNER,
    &OS_IDENTIFICATION,
    &SCAN_INFORMATION,
    &UNIX_COMPLIANCE,
    &SERVICE_DETECTION,
    &SNMP_PUBLIC,
    &TELNET,
    &SWEET32,
    &UNTRUSTED_CERTIFICATE,
    &SMB_SIGNING,
    &SSH_CBC,
    &MS17_010,
    &TLS_1_0,
    &BLUEKEEP,
    &TERRAPIN,
    &REGRESSHION,
    &APACHE,
];

const BENCHMARK: &str = "https://workbench.cisecurity.org/benchmarks/15287";
const AUDIT: &str = "CIS_Ubuntu_22.04_LTS_Server_v2.0.0_L1.audit";

/// The checks of the one audit in the feed.
pub static CHECKS: [Check; 3] = [
    Check {
        id: "6d4c2b8f0a1e47c59d3b7e6f12a8c045",
        name: "5.1.20 Ensure sshd PermitRootLogin is disabled",
        result: "FAILED",
        actual: "The command '/usr/sbin/sshd -T' returned :\n\npermitrootlogin yes",
        wanted: "permitrootlogin no",
        info: "Whoever administers a host should log in under an own name first, so that the log\ntells who it was.",
        solution: "Set PermitRootLogin to no in /etc/ssh/sshd_config.",
        audit: AUDIT,
        reference: "800-171|3.4.2,800-53|CM-6,CSCv7|4.3,CSCv8|5.4,LEVEL|1A",
        see_also: BENCHMARK,
    },
    Check {
        id: "1f0e9d8c7b6a59483726150493827160",
        name: "1.6.1 Ensure message of the day is configured properly",
        result: "PASSED",
        actual: "The file \"/etc/motd\" does not exist.",
        wanted: "expect: @NO_OS_DETAILS@",
        info: "Banners that name the operating system tell an attacker where to begin.",
        solution: "Take operating system and version out of /etc/motd, or delete the file.",
        audit: AUDIT,
        reference: "800-53|CM-1,CSCv8|4.1,LEVEL|1A",
        see_also: BENCHMARK,
    },
    Check {
        id: "a1b2c3d4e5f60718293a4b5c6d7e8f90",
        name: "2.1.22 Ensure only approved services are listening on a network interface",
        result: "WARNING",
        actual: "tcp LISTEN 0.0.0.0:22\ntcp LISTEN 0.0.0.0:443",
        wanted: "Review the list by hand.",
        info: "A service that nobody needs is one more way in.",
        solution: "Remove the packages of services that are not needed, or stop and mask them.",
        audit: AUDIT,
        reference: "800-53|CM-7,CSCv8|4.8,LEVEL|1M",
        see_also: BENCHMARK,
    },
];
