/// What may happen next in a hostile session. A move that makes no sense where it stands does something near to it, or nothing.
public enum HostileMove: String, CaseIterable, Sendable {
  // The peer keeps to the rules.
  case open, openMetadata, data, marks, codecBlock, chain, dictionary, object, finish, reset, stop, credit, streams,
    ping, pong,
    acknowledge
  case goAway, ignorable
  // The peer breaks no rule by a single one of these; budgets bound how often.
  case duplicate, creditDown, streamsDown, acknowledgeAgain, stopAgain, lateFrame, emptyFin, brokenBlock, giantWindow
  case staleOffset, criticalTag, hugeExpectation, skippedIDs, pingBurst, idleBurst, tinyBurst, markBurst, bombBurst
  case tinyBombBurst, dictionaryBurst, versionBurst, openResetBurst, openStopBurst, fillWindow, fillPinned
  // Each of these ends the session, where it can.
  case gap, overlap, movedFin, beyondStreamCredit, beyondSessionCredit, aboveStreamLimit, namedTooEarly
  case unknownCritical, oversized, headerCheck, payloadCheck, unchecked, reservedFlag, strayID, creditAbove,
    streamsAbove
  case acknowledgeAbove, pongUnasked, resetHuge, secondHello, refuse, close, unknownCodec, longBlock, emptyData
  case chainAstray, chainsBeyond, dictionaryAstray, objectAstray
  case markOverrun, strangeStream, noise, goAwayUp, flood, truncated, extremeField, endOfInput
  // The application.
  case appRead, appReadAll, appSip, appOpen, appWrite, appFinish, appReset, appStop, appRelease, appPing, appUrgency,
    appDrain
  // The connection, the clock, the codec threads.
  case take, arrive, runJobs, advance

  enum Kind: CaseIterable {
    case legal, abusive, fatal, application, transport
  }

  var kind: Kind {
    switch self {
    case .open, .openMetadata, .data, .marks, .codecBlock, .chain, .dictionary, .object, .finish, .reset, .stop,
      .credit,
      .streams, .ping,
      .pong,
      .acknowledge, .goAway, .ignorable:
      .legal
    case .duplicate, .creditDown, .streamsDown, .acknowledgeAgain, .stopAgain, .lateFrame, .emptyFin, .brokenBlock,
      .giantWindow, .staleOffset, .criticalTag, .hugeExpectation, .skippedIDs, .pingBurst, .idleBurst, .tinyBurst,
      .markBurst, .bombBurst, .tinyBombBurst, .dictionaryBurst, .versionBurst, .openResetBurst, .openStopBurst,
      .fillWindow,
      .fillPinned:
      .abusive
    case .gap, .overlap, .movedFin, .beyondStreamCredit, .beyondSessionCredit, .aboveStreamLimit, .namedTooEarly,
      .unknownCritical, .oversized, .headerCheck, .payloadCheck, .unchecked, .reservedFlag, .strayID, .creditAbove,
      .streamsAbove, .acknowledgeAbove, .pongUnasked, .resetHuge, .secondHello, .refuse, .close, .unknownCodec,
      .longBlock, .emptyData, .chainAstray, .chainsBeyond, .dictionaryAstray, .objectAstray, .markOverrun,
      .strangeStream, .noise,
      .goAwayUp, .flood,
      .truncated, .extremeField,
      .endOfInput:
      .fatal
    case .appRead, .appReadAll, .appSip, .appOpen, .appWrite, .appFinish, .appReset, .appStop, .appRelease, .appPing,
      .appUrgency, .appDrain:
      .application
    case .take, .arrive, .runJobs, .advance: .transport
    }
  }

  static func all(_ kind: Kind) -> [HostileMove] { table[kind] ?? [] }

  private static let table = Dictionary(grouping: allCases, by: \.kind)
}

/// One step of a hostile session; its details follow from its own seed, so that a list means the same after some were removed.
public struct HostileOperation: Hashable, Sendable {
  public let move: HostileMove
  public let seed: UInt64
}
