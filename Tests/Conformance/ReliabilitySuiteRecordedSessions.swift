import DWCPCore
import Foundation
import NIOCore
import Testing

/// Sessions recorded once. `DWCP_RECORD=1 swift test --filter RecordedSessions` records them anew.
@Suite(.serialized) struct ReliabilitySuiteRecordedSessions {
  static let names = ["echo", "streams", "compressed"]

  @Test("a recorded session replays to the byte: the same bytes sent, events told and data read", arguments: names)
  func replay(name: String) throws {
    if ProcessInfo.processInfo.environment["DWCP_RECORD"] == "1" { try Self.record(name).write() }
    let recording = try Fixtures.recording(name)
    var replayer = Replayer(
      role: recording.role, configuration: recording.configuration, secrets: [UInt8](hex: recording.secrets))
    for (index, step) in recording.steps.enumerated() {
      var input = step
      input.outcomes = nil
      input.sent = nil
      let output = replayer.recordedStep(input)
      try #require(output == step, "step \(index) of \(name)")
    }
    #expect(replayer.session.wantsClose)
  }

  @Test(
    "every flipped bit of a recorded session is found, and it may be cut anywhere", arguments: names, Check.allCases)
  func damage(name: String, check: Check) throws {
    guard check != .expectation else { return }
    check.run(try Fixtures.recording(name).asVector)
  }

  private static func record(_ name: String) -> Recorder {
    switch name {
    case "echo": echo()
    case "streams": streams()
    default: compressed()
    }
  }

  private static func text(_ text: String) -> String { ByteBuffer(string: text).hex }

  /// An acceptor that offers the service `echo`.
  private static func echo() -> Recorder {
    var recorder = Recorder(
      session: "echo", about: "An acceptor that echoes three messages; its initiator closes.", role: "acceptor",
      configuration: FixtureConfiguration(), peer: FixtureConfiguration())
    recorder.actAtPeer(
      FixtureStep(command: "open", stream: 1, metadata: [.init(key: "service", value: "echo")]))
    for message in ["one", "", "three"] {
      recorder.actAtPeer(FixtureStep(command: "write", stream: 1, hex: text(message), endsMessage: true))
      recorder.act(FixtureStep(command: "read", stream: 1))
      recorder.act(FixtureStep(command: "write", stream: 1, hex: text(message), endsMessage: true))
    }
    recorder.wait(milliseconds: 25)
    recorder.actAtPeer(FixtureStep(command: "finish", stream: 1))
    recorder.act(FixtureStep(command: "read", stream: 1))
    recorder.act(FixtureStep(command: "finish", stream: 1))
    recorder.act(FixtureStep(command: "release", stream: 1))
    recorder.actAtPeer(FixtureStep(command: "read", stream: 1))
    recorder.actAtPeer(FixtureStep(command: "release", stream: 1))
    recorder.wait(milliseconds: 25)
    recorder.actAtPeer(FixtureStep(command: "close", code: "NO_ERROR"))
    return recorder
  }

  /// An initiator with streams of every fate, which drains at the end.
  private static func streams() -> Recorder {
    var recorder = Recorder(
      session: "streams", about: "An initiator with streams that end in every way; it pings, and drains.",
      role: "initiator", configuration: FixtureConfiguration(), peer: FixtureConfiguration())
    for (stream, name) in zip([1, 3, 5, 7] as [UInt64], ["whole", "reset", "stopped", "kept"]) {
      recorder.act(FixtureStep(command: "open", stream: stream, metadata: [.init(key: "name", value: name)]))
      recorder.act(FixtureStep(command: "write", stream: stream, hex: text("first of \(name)"), endsMessage: true))
      recorder.act(FixtureStep(command: "write", stream: stream, hex: text("rest")))
    }
    recorder.act(FixtureStep(command: "ping"))
    recorder.act(FixtureStep(command: "finish", stream: 1))
    recorder.act(FixtureStep(command: "reset", stream: 3, code: "CANCELLED"))
    recorder.actAtPeer(FixtureStep(command: "stop", stream: 5, code: "0x40000005"))
    recorder.act(FixtureStep(command: "write", stream: 5, hex: text("too late")))
    for stream in [1, 3, 5, 7] as [UInt64] {
      recorder.actAtPeer(FixtureStep(command: "read", stream: stream))
      recorder.actAtPeer(FixtureStep(command: "write", stream: stream, hex: text("answer"), endsMessage: true))
    }
    recorder.actAtPeer(FixtureStep(command: "open", stream: 2))
    recorder.actAtPeer(FixtureStep(command: "write", stream: 2, hex: text("from the other end"), endsMessage: true))
    recorder.act(FixtureStep(command: "stop", stream: 2, code: "CANCELLED"))
    recorder.wait(milliseconds: 30)
    for stream in [1, 3, 5] as [UInt64] {
      recorder.actAtPeer(FixtureStep(command: "finish", stream: stream))
      recorder.act(FixtureStep(command: "read", stream: stream))
      recorder.act(FixtureStep(command: "release", stream: stream))
      recorder.actAtPeer(FixtureStep(command: "release", stream: stream))
    }
    recorder.act(FixtureStep(command: "drain"))
    recorder.act(FixtureStep(command: "release", stream: 2))
    recorder.actAtPeer(FixtureStep(command: "release", stream: 2))
    recorder.actAtPeer(FixtureStep(command: "reset", stream: 7, code: "SHUTDOWN"))
    recorder.act(FixtureStep(command: "read", stream: 7))
    recorder.act(FixtureStep(command: "release", stream: 7))
    recorder.actAtPeer(FixtureStep(command: "release", stream: 7))
    recorder.wait(milliseconds: 1_000)
    recorder.actAtPeer(FixtureStep(command: "close", code: "NO_ERROR"))
    return recorder
  }

  /// An acceptor with small windows that reads lz4 and zstd, and gives credit.
  private static func compressed() -> Recorder {
    let small = FixtureConfiguration(maxRawBlock: 65_536, sessionCredit: 1_048_576, streamCredit: 65_536)
    var recorder = Recorder(
      session: "compressed", about: "An acceptor with small windows that reads lz4 and zstd and gives credit.",
      role: "acceptor", configuration: small, peer: FixtureConfiguration())
    recorder.openAtPeer(.zstdDefault, metadata: [.init(key: "codec", value: "zstd")])
    recorder.openAtPeer(.lz4Default, metadata: [.init(key: "codec", value: "lz4")])
    for stream in [1, 3] as [UInt64] {
      let line = text("A line of a log that is much like the one before it.\n")
      recorder.actAtPeer(FixtureStep(times: 2_500, command: "write", stream: stream, hex: line, endsMessage: true))
    }
    for _ in 0..<3 {
      for stream in [1, 3] as [UInt64] { recorder.act(FixtureStep(command: "read", stream: stream)) }
    }
    recorder.wait(milliseconds: 25)
    for stream in [1, 3] as [UInt64] {
      recorder.actAtPeer(FixtureStep(command: "finish", stream: stream))
      recorder.act(FixtureStep(command: "read", stream: stream))
      recorder.act(FixtureStep(command: "finish", stream: stream))
      recorder.act(FixtureStep(command: "release", stream: stream))
    }
    recorder.wait(milliseconds: 25)
    recorder.act(FixtureStep(command: "close", code: "NO_ERROR"))
    return recorder
  }
}

extension Recording {
  /// Its inputs, one frame a step, for the checks that damage them.
  fileprivate var asVector: Vector {
    var steps: [FixtureStep] = []
    for step in self.steps {
      guard let bytes = step.bytes else {
        steps.append(step)
        continue
      }
      var position = 0
      while position < bytes.readableBytes {
        let frame = WireFrame(at: position, in: bytes)
        let end = frame?.end ?? position + WireFrame.prefaceByteCount
        let part = bytes.getSlice(at: position, length: end - position) ?? ByteBuffer()
        steps.append(FixtureStep(receive: part.hex, what: frame?.name ?? "preface"))
        position = end
      }
    }
    return Vector(
      id: session, role: role, configuration: configuration, steps: steps,
      expect: Expectation(outcome: "accept", events: [], streams: nil, sends: nil, objects: nil, error: nil))
  }
}
