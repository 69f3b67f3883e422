import Logging

/// Prints what a session says of its choice of codecs, and nothing else.
struct CodecExplanations: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    guard event.metadata?["codecDecision"] != nil else { return }
    standardError("dwcp: \(event.message)\n")
  }
}
