/// What can be fuzzed. `scripts/fuzz` builds a fuzzer of each; FuzzTests replays what was found.
///
/// A target is a function of bytes alone: the same bytes do the same, in the fuzzer and in a test. None of them may trap, hang or
/// leave the bounds of memory, which the sanitizers see; and each checks what has to hold whatever the bytes are.
public enum FuzzTarget: String, CaseIterable, Sendable {
  /// The frames of a peer, from the parser to the events of a session that is open.
  case wire
  /// The first bytes of a link, for both roles; and two engines with somebody between them.
  case handshake
  /// Two engines and the model of the simulation, under any list of operations, hostile frames among them.
  case session
  /// Payloads of blocks, and the round trip of what the codecs make themselves.
  case codecs
  /// Payloads that are decoded against a base, and the round trip of what is made against one.
  case baselines

  /// Runs one input.
  ///
  /// - Returns: what went wrong, in a sentence; nil when all is well.
  public func problem(in bytes: [UInt8]) -> String? {
    switch self {
    case .wire: WireTarget.problem(in: bytes)
    case .handshake: HandshakeTarget.problem(in: bytes)
    case .session: SessionTarget.problem(in: bytes)
    case .codecs: CodecTarget.problem(in: bytes)
    case .baselines: BaselineTarget.problem(in: bytes)
    }
  }

  /// Inputs to begin with, which reach far into the target.
  public var seeds: [[UInt8]] {
    switch self {
    case .wire: WireTarget.seeds
    case .handshake: HandshakeTarget.seeds
    case .session: SessionTarget.seeds
    case .codecs: CodecTarget.seeds
    case .baselines: BaselineTarget.seeds
    }
  }
}

/// The way in for `Fuzz/entry.c`.
///
/// - Returns: 1, after having said why, when the target finds something wrong with the bytes.
@_cdecl("dwcp_fuzz")
func fuzz(_ name: UnsafePointer<CChar>, _ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = Array(UnsafeBufferPointer(start: bytes, count: count))
  guard let target = FuzzTarget(rawValue: String(cString: name)) else {
    print("there is no target of this name")
    return 1
  }
  guard let problem = target.problem(in: input) else { return 0 }
  print("\(target.rawValue): \(problem)")
  return 1
}

/// Fills the seed with this number in; returns its length, or -1 behind the last one.
@_cdecl("dwcp_fuzz_seed")
func seed(
  _ name: UnsafePointer<CChar>, _ number: Int, _ room: UnsafeMutablePointer<UInt8>, _ capacity: Int
) -> Int {
  let seeds = FuzzTarget(rawValue: String(cString: name))?.seeds ?? []
  guard seeds.indices.contains(number) else { return -1 }
  return UnsafeMutableBufferPointer(start: room, count: capacity).update(fromContentsOf: seeds[number].prefix(capacity))
}

/// Takes an input apart from the front; behind its end everything is zero.
struct FuzzInput {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) {
    rest = bytes[...]
  }

  var isEmpty: Bool { rest.isEmpty }

  mutating func byte() -> UInt8 {
    rest.popFirst() ?? 0
  }

  mutating func short() -> Int {
    Int(byte()) << 8 | Int(byte())
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  mutating func remainder() -> [UInt8] {
    bytes(rest.count)
  }
}
