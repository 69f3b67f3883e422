/// One thing a peer is tested on.
public struct Case: Sendable {
  /// `group/name`, e.g. `framing/header-check`.
  public let id: String
  /// The clauses of SPEC it tests.
  public let clauses: [String]
  /// False for what SPEC only recommends.
  public let isRequired: Bool
  /// What a peer has to do, in a sentence.
  public let title: String
  /// More than the usual time, in seconds, because SPEC lets the peer take it.
  let extraSeconds: @Sendable (Target) -> Double
  let script: @Sendable (Peer) throws -> Void

  init(
    _ id: String, _ clauses: String, _ title: String, isRequired: Bool = true,
    extraSeconds: @escaping @Sendable (Target) -> Double = { _ in 0 },
    script: @escaping @Sendable (Peer) throws -> Void
  ) {
    self.id = id
    self.clauses = clauses.split(separator: " ").map(String.init)
    self.isRequired = isRequired
    self.title = title
    self.extraSeconds = extraSeconds
    self.script = script
  }

  /// Every case, in the order of SPEC.
  public static let all =
    preface + negotiation + bounds + framing + lengths + streams + openings + messages + blocks + chains + dictionaries
    + objects + credit + reset + close
    + liveness + hostile
}

/// Where the peer under test listens, and what the tester has to know about it.
public struct Target: Sendable {
  public var host: String
  public var port: Int
  /// How long a case may wait for what has to come.
  public var timeoutSeconds: Double
  /// The peer's handshake timeout (SPEC HS-6), for the cases that wait for it.
  public var handshakeTimeoutSeconds: Double

  public init(host: String, port: Int, timeoutSeconds: Double = 5, handshakeTimeoutSeconds: Double = 10) {
    self.host = host
    self.port = port
    self.timeoutSeconds = timeoutSeconds
    self.handshakeTimeoutSeconds = handshakeTimeoutSeconds
  }
}

extension Target {
  /// Why no connection can be made; nil when one can.
  public func failureToConnect() -> String? {
    do throws(CaseFailure) {
      _ = try Connection(host: host, port: port, deadline: ContinuousClock.now + .seconds(timeoutSeconds))
      return nil
    } catch {
      return error.came
    }
  }
}

/// Why a case did not pass.
struct CaseFailure: Error {
  let expectation: String
  let came: String
  /// The peer does not offer what the case needs.
  var isSkip = false

  init(_ expectation: String, came: String) {
    self.expectation = expectation
    self.came = came
  }

  /// The case does not apply to this peer.
  static func skip(_ reason: String) -> CaseFailure {
    var failure = CaseFailure(reason, came: "")
    failure.isSkip = true
    return failure
  }
}

/// How a case ended.
public struct Verdict: Sendable {
  public enum Outcome: String, Sendable { case passed, failed, skipped }

  public let `case`: Case
  public let outcome: Outcome
  public let seconds: Double
  /// What was expected by which clause, what came, and the last frames; empty when it passed.
  public let message: String
}
