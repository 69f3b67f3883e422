/// The command line of the workloads in memory.
struct MemoryOptions {
  enum Workload: String {
    /// Units that are each sent in a DATA frame of their own.
    case frames = "memory-frames"
    /// Units that are messages, which the engine may send together.
    case messages = "memory-messages"
    /// Streams that are opened, carry a unit each way and are closed.
    case streams = "memory-streams"
    /// Large units.
    case bulk = "memory-bulk"

    var unitByteCount: Int {
      switch self {
      case .frames, .messages: 64
      case .streams: 1_024
      case .bulk: 16_384
      }
    }
  }

  static let usage = """
    usage: swift-memory memory-frames|memory-messages|memory-streams|memory-bulk [--seconds S | --count N]
           [--streams N] [--per-flush N] [--library dwcp] [--integrity on|off]
    example: swift-memory memory-frames --seconds 2 --streams 64 --per-flush 64 --integrity off
    """

  let workload: Workload
  private(set) var seconds = 2.0
  /// 0 when the time decides.
  private(set) var count = 0
  private(set) var streams = 1
  /// Units that are written before the bytes go to the other end.
  private(set) var unitsPerFlush = 1
  private(set) var isIntegrityRequired = true

  /// Nil when the arguments make no sense.
  init?(_ arguments: [String]) {
    var rest = arguments[...]
    guard let workload = rest.popFirst().flatMap(Workload.init(rawValue:)) else { return nil }
    self.workload = workload
    while let name = rest.popFirst() {
      guard let value = rest.popFirst(), take(name, value) else { return nil }
    }
    guard streams >= 1, unitsPerFlush >= 1 else { return nil }
  }

  private mutating func take(_ name: String, _ value: String) -> Bool {
    switch name {
    case "--seconds": return set(\.seconds, Double(value))
    case "--count": return set(\.count, Int(value))
    case "--streams": return set(\.streams, Int(value))
    case "--per-flush": return set(\.unitsPerFlush, Int(value))
    case "--integrity": return set(\.isIntegrityRequired, ["on": true, "off": false][value])
    case "--library": return value == "dwcp"
    default: return false
    }
  }

  private mutating func set<Value>(_ path: WritableKeyPath<MemoryOptions, Value>, _ value: Value?) -> Bool {
    guard let value else { return false }
    self[keyPath: path] = value
    return true
  }
}
