//! The one table of exit codes.
//!
//! README, `--help` and the JSON error kinds are all made from, or tested against, [`Exit::ALL`].

use std::process::{ExitCode, Termination};

/// How the program ends. The codes are an interface: scripts branch on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done, or skipped as asked.
    Success = 0,
    /// Anything that has no code of its own.
    Internal = 1,
    /// Flags and arguments.
    Usage = 2,
    /// Config file, profile, secret source.
    Config = 3,
    /// Keys refused, no permission, missing entitlement.
    Auth = 4,
    /// No such scan or run, no access to it, or an ambiguous name.
    NotFound = 5,
    /// The run is not in a state that allows the verb, or is another run than the one named.
    InvalidState = 6,
    /// The backend's API cannot do what is asked.
    Unsupported = 7,
    /// Rate limit, quota, too many active scans; this call changed nothing.
    Limited = 8,
    /// DNS, connection, TLS, timeout, 5xx after retries; this call changed nothing.
    Network = 9,
    /// A severity gate was reached.
    Gate = 10,
    /// The run ended aborted, failed, stopped or partial.
    EndedBadly = 11,
    /// The waiting ended, the scan goes on.
    WaitEnded = 12,
    /// Several targets with different fates.
    SomeFailed = 13,
    /// A freeze window forbids it.
    Frozen = 14,
    /// A changing request was sent, its answer lost, and reading back did not settle it.
    UnknownOutcome = 15,
    /// An answer or file is not what the API or format promises, or is cut off.
    BadData = 16,
    /// Ctrl-C; the remote scan goes on.
    Interrupted = 130,
    /// SIGTERM; the remote scan goes on.
    Terminated = 143,
}

impl Exit {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 19] = [
        Self::Success,
        Self::Internal,
        Self::Usage,
        Self::Config,
        Self::Auth,
        Self::NotFound,
        Self::InvalidState,
        Self::Unsupported,
        Self::Limited,
        Self::Network,
        Self::Gate,
        Self::EndedBadly,
        Self::WaitEnded,
        Self::SomeFailed,
        Self::Frozen,
        Self::UnknownOutcome,
        Self::BadData,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The stable word for programs, as in `error.kind` of the JSON errors.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Internal => "internal",
            Self::Usage => "usage",
            Self::Config => "config",
            Self::Auth => "auth",
            Self::NotFound => "not_found",
            Self::InvalidState => "invalid_state",
            Self::Unsupported => "unsupported",
            Self::Limited => "limited",
            Self::Network => "network",
            Self::Gate => "gate",
            Self::EndedBadly => "ended_badly",
            Self::WaitEnded => "wait_ended",
            Self::SomeFailed => "some_failed",
            Self::Frozen => "frozen",
            Self::UnknownOutcome => "unknown_outcome",
            Self::BadData => "bad_data",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        }
    }

    /// One line for people, as in `scanctl --help` and the README.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "done, or skipped as asked",
            Self::Internal => "anything else",
            Self::Usage => "flags or arguments",
            Self::Config => "config file, profile or secret source",
            Self::Auth => "keys refused, no permission, missing entitlement",
            Self::NotFound => "no such scan or run, or no access; ambiguous",
            Self::InvalidState => "the run's state does not allow it, or it is another run than the one named",
            Self::Unsupported => "the backend's API cannot do what is asked",
            Self::Limited => "rate limit or quota; this call changed nothing, safe to repeat",
            Self::Network => "connection, TLS, timeout, 5xx; this call changed nothing, safe to repeat",
            Self::Gate => "a severity gate was reached",
            Self::EndedBadly => "the run ended aborted, failed, stopped or partial",
            Self::WaitEnded => "the waiting ended, the scan goes on: attach, do not launch again",
            Self::SomeFailed => "several targets, different fates",
            Self::Frozen => "a freeze window forbids it",
            Self::UnknownOutcome => "sent, but the answer was lost and reading back did not settle it: look first",
            Self::BadData => "an answer or file is not what the API or format promises, or is cut off",
            Self::Interrupted => "Ctrl-C; the remote scan goes on",
            Self::Terminated => "SIGTERM; the remote scan goes on",
        }
    }

    /// Whether repeating the same call is known to be safe because this one changed nothing.
    pub const fn retryable(self) -> bool {
        matches!(self, Self::Limited | Self::Network)
    }

    /// The code of a call on several targets.
    ///
    /// A signal outranks everything and an unknown outcome everything else; one shared fate is its own code; different
    /// fates are [`Exit::SomeFailed`].
    pub fn of_targets(fates: impl IntoIterator<Item = Self>) -> Self {
        let fates: Vec<Self> = fates.into_iter().collect();
        for ranked in [Self::Interrupted, Self::Terminated, Self::UnknownOutcome] {
            if fates.contains(&ranked) {
                return ranked;
            }
        }
        match fates.first() {
            None => Self::Success,
            Some(first) if fates.iter().all(|fate| fate == first) => *first,
            Some(_) => Self::SomeFailed,
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn codes_of_several_targets_follow_the_ranking() {
        use Exit::{Interrupted, NotFound, SomeFailed, Success, UnknownOutcome, WaitEnded};
        let cases: [(&[Exit], Exit); 7] = [
            (&[], Success),
            (&[Success, Success], Success),
            (&[NotFound, NotFound], NotFound),
            (&[Success, NotFound], SomeFailed),
            (&[WaitEnded, NotFound], SomeFailed),
            (&[Success, UnknownOutcome, NotFound], UnknownOutcome),
            (&[UnknownOutcome, Interrupted], Interrupted),
        ];
        for (fates, expected) in cases {
            assert_eq!(Exit::of_targets(fates.iter().copied()), expected, "{fates:?}");
        }
    }
}
