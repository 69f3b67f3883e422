/// The command line that every peer has, and what this one adds.
struct Options: Sendable {
  enum Library: String {
    case nio, http2, dwcp
    case dwcpAsync = "dwcp-async"
  }

  /// What a client does.
  enum Workload: String {
    case bulk, exchange, echo, idle
  }

  static let usage = """
    usage: swift-peers serve PORT [variant options]
           swift-peers bulk|exchange|echo|idle HOST PORT [--seconds S | --count N] [--streams N] [variant options]
    variant options: --library nio|http2|dwcp|dwcp-async, --stream-limit N (http2, dwcp),
           --window BYTES and --frame BYTES (http2), --integrity on|off and --codec none|automatic (dwcp, dwcp-async)
    example: swift-peers echo 127.0.0.1 7400 --seconds 2 --streams 1 --library dwcp
    """

  /// Nil to serve.
  private(set) var workload: Workload?
  private(set) var host = "127.0.0.1"
  private(set) var port = 0
  private(set) var seconds = 2.0
  /// 0 when the time decides.
  private(set) var count = 0
  private(set) var streams = 1
  private(set) var library = Library.dwcp
  /// 0 for the library's default; the same for the next two.
  private(set) var streamLimit = 0
  private(set) var windowByteCount = 0
  private(set) var frameByteCount = 0
  private(set) var isIntegrityRequired = true
  private(set) var isCompressionAutomatic = false

  /// Nil when the arguments make no sense.
  init?(_ arguments: [String]) {
    var rest = arguments[...]
    guard let first = rest.popFirst() else { return nil }
    if first != "serve" {
      guard let workload = Workload(rawValue: first), let host = rest.popFirst() else { return nil }
      self.workload = workload
      self.host = host
      if workload == .echo { streams = 0 }
    }
    guard let port = rest.popFirst().flatMap({ Int($0) }) else { return nil }
    self.port = port
    while let name = rest.popFirst() {
      guard let value = rest.popFirst(), take(name, value) else { return nil }
    }
  }

  private mutating func take(_ name: String, _ value: String) -> Bool {
    switch name {
    case "--seconds": return set(\.seconds, Double(value))
    case "--count": return set(\.count, Int(value))
    case "--streams": return set(\.streams, Int(value))
    case "--library": return set(\.library, Library(rawValue: value))
    case "--stream-limit": return set(\.streamLimit, Int(value))
    case "--window": return set(\.windowByteCount, Int(value))
    case "--frame": return set(\.frameByteCount, Int(value))
    case "--integrity": return set(\.isIntegrityRequired, ["on": true, "off": false][value])
    case "--codec": return set(\.isCompressionAutomatic, ["none": false, "automatic": true][value])
    default: return false
    }
  }

  private mutating func set<Value>(_ path: WritableKeyPath<Options, Value>, _ value: Value?) -> Bool {
    guard let value else { return false }
    self[keyPath: path] = value
    return true
  }
}
