/// How far a session has come (SPEC section 5, the table of states).
///
/// Both ends walk the same way. A peer that speaks another protocol, an error and the end of the connection may end it anywhere:
///
///     awaitingPreface --preface--> awaitingHandshake --settled--> open
///     any of these    --lastWordsQueued--> closing --lastWordsSent--> closed
///     any of these, and closing            --over------------------> closed
///
/// *Last words* are CLOSE or REFUSE: what this end has still to send before it is gone. SPEC's *draining* is not a phase of its
/// own, since frames are handled as in *open*; ``GoAwayState`` keeps it. Nothing leaves *closed*.
///
/// Every transition is in this file.
struct SessionProgress: Hashable, Sendable {
  /// What moves a session on.
  enum Input: CaseIterable {
    /// The other end's preface has arrived.
    case preface
    /// HELLO was answered with WELCOME, or WELCOME was accepted.
    case settled
    /// CLOSE or REFUSE waits to be sent, and is the last.
    case lastWordsQueued
    /// It has been sent.
    case lastWordsSent
    /// Nothing more can be sent or will arrive: CLOSE or REFUSE came, the connection ended, or a stranger is on the other end.
    case over
  }

  private(set) var phase = Session.Phase.awaitingPreface

  /// Whether what arrives is still looked at, and commands still have an effect.
  var isLive: Bool { phase.rawValue < Session.Phase.closing.rawValue }

  /// An input that makes no sense in a phase changes nothing: it comes from calls that are harmless when they come late or twice.
  mutating func apply(_ input: Input) {
    switch (phase, input) {
    case (.awaitingPreface, .preface): phase = .awaitingHandshake
    case (.awaitingHandshake, .settled): phase = .open
    case (.awaitingPreface, .lastWordsQueued), (.awaitingHandshake, .lastWordsQueued), (.open, .lastWordsQueued):
      phase = .closing
    case (.closing, .lastWordsSent): phase = .closed
    case (.awaitingPreface, .over), (.awaitingHandshake, .over), (.open, .over), (.closing, .over): phase = .closed
    case (.awaitingPreface, .settled), (.awaitingPreface, .lastWordsSent), (.awaitingHandshake, .preface),
      (.awaitingHandshake, .lastWordsSent), (.open, .preface), (.open, .settled), (.open, .lastWordsSent),
      (.closing, .preface), (.closing, .settled), (.closing, .lastWordsQueued), (.closed, .preface),
      (.closed, .settled), (.closed, .lastWordsQueued), (.closed, .lastWordsSent), (.closed, .over):
      break
    }
  }
}

extension Session {
  /// How far a session has come (SPEC section 5).
  public enum Phase: UInt8, Hashable, Sendable, CaseIterable {
    /// Waiting for the other end's preface.
    case awaitingPreface
    /// Waiting for HELLO or WELCOME.
    case awaitingHandshake
    case open
    /// Something last has still to be sent: CLOSE or REFUSE.
    case closing
    case closed
  }

  /// How far this session has come.
  public var phase: Phase { progress.phase }
}
