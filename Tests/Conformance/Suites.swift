import Foundation
import Testing

// Each golden vector is put to each check; the rooms go by component, so that `make test-codec` and its sisters find theirs. Within a
// suite one case runs at a time: thousands of them at once would keep every thread from the tests that wait for something.

@Suite(.serialized) struct FramingSuiteFixtures {
  @Test("frames", arguments: Fixtures.vectors(in: "frames"), Check.allCases)
  func vectors(vector: Vector, check: Check) { check.run(vector) }

  @Test("the rooms are there, with cases that must be accepted and cases that must be rejected, for both roles")
  func roomsAreThere() {
    #expect(Fixtures.all.count == 12)
    let vectors = Fixtures.all.values.flatMap { $0 }
    for role in ["acceptor", "initiator"] {
      let outcomes = vectors.filter { $0.role == role }.map(\.expect.outcome)
      #expect(outcomes.filter { $0 == "accept" }.count >= 60)
      #expect(outcomes.filter { $0 == "reject" }.count >= 100)
    }
  }

  @Test("the generator, which shares nothing with the engine, still writes these vectors from SPEC.md")
  func generator() throws {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "\(Fixtures.directory)/generate", "--check"]
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(String(decoding: text, as: UTF8.self))")
  }
}

@Suite(.serialized) struct ConnectionSuiteFixtures {
  @Test("handshakes and negotiations", arguments: Fixtures.vectors(in: "handshakes", "negotiations"), Check.allCases)
  func vectors(vector: Vector, check: Check) { check.run(vector) }
}

@Suite(.serialized) struct MultiplexingSuiteFixtures {
  @Test("streams and their data", arguments: Fixtures.vectors(in: "streams", "data"), Check.allCases)
  func vectors(vector: Vector, check: Check) { check.run(vector) }
}

@Suite(.serialized) struct FlowControlSuiteFixtures {
  @Test("credit", arguments: Fixtures.vectors(in: "credit"), Check.allCases)
  func vectors(vector: Vector, check: Check) { check.run(vector) }
}

@Suite(.serialized) struct CodecSuiteFixtures {
  @Test(
    "payloads of lz4 and zstd, chains of them, dictionaries, and objects",
    arguments: Fixtures.vectors(in: "codecs", "chains", "dictionaries", "objects"), Check.allCases)
  func vectors(vector: Vector, check: Check) { check.run(vector) }
}

@Suite(.serialized) struct ReliabilitySuiteFixtures {
  @Test("liveness, endings and whole sessions", arguments: Fixtures.vectors(in: "ending", "sessions"), Check.allCases)
  func vectors(vector: Vector, check: Check) { check.run(vector) }
}
