import DWCPCore
import Logging
import NIOCore

/// Says in the log which streams have waited for long, and what for; each of them once for as long as it waits for the same.
struct BlockedStreamLog {
  /// Between two looks; a stream that waits at both has waited for that long.
  static let interval = TimeAmount.seconds(10)
  /// More than these are only counted.
  private static let maximumLineCount = 10

  private var waiting: Set<BlockedStream> = []
  private var told: Set<BlockedStream> = []

  /// Takes all streams that are blocked; false when none waits, so that the next look can wait for something to happen.
  mutating func look(at streams: [BlockedStream], _ logger: Logger) -> Bool {
    let blocked = Set(streams)
    let long = blocked.intersection(waiting)
    let news = long.subtracting(told).sorted { $0.id.rawValue < $1.id.rawValue }
    for stream in news.prefix(Self.maximumLineCount) {
      logger.info(
        "stream \(stream.id) has waited for over \(Self.interval.nanoseconds / 1_000_000_000) s: \(stream.blocker.explanation)",
        metadata: ["stream": "\(stream.id)", "blocker": "\(stream.blocker)"])
    }
    if news.count > Self.maximumLineCount {
      logger.info("\(news.count - Self.maximumLineCount) more streams have waited as long")
    }
    told = told.intersection(blocked).union(news)
    waiting = blocked
    return !blocked.isEmpty
  }
}

extension StreamBlocker {
  /// What an operator can look at next.
  fileprivate var explanation: String {
    switch self {
    case .streamCredit: "the other end's application does not read it"
    case .sessionCredit: "the other end's applications do not read, and hold what it takes for all streams together"
    case .link: "the connection takes no more"
    case .scheduler: "others are served first"
    case .codec: "its blocks are still being compressed"
    case .reader: "this end's application does not read what has come"
    }
  }
}
