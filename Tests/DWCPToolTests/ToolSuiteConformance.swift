import DWCPConformance
import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// `dwcp conformance` against our own server, against a second implementation written from SPEC.md alone
/// (Tests/Peers/dwcp-peer), and against that one with one rule broken at a time.
@Suite(.timeLimit(.minutes(5)), .serialized) struct ToolSuiteConformance {
  @Test("our own server passes every case")
  func ownServer() async throws {
    let report = try await ConformanceReport(["--self", "--timeout-seconds", "20"])
    #expect(report.failures.isEmpty, "\(report.messages)")
    #expect(report.code == 0)
    #expect(report.isConforming)
    #expect(report.skipped.isEmpty)
  }

  @Test("the second implementation passes every case, with and without integrity of its own")
  func secondImplementation() async throws {
    for options in [[], ["--integrity"]] {
      let peer = try await PeerProcess(options)
      let report = try await ConformanceReport(peer.arguments)
      #expect(report.failures.isEmpty, "\(options): \(report.messages)")
      #expect(report.code == 0)
      #expect(report.skipped.isEmpty)
    }
  }

  @Test("of a peer that breaks one rule, exactly the cases of that rule fail", .disabled(if: isSlowBuild))
  func brokenPeers() async throws {
    let results = try await withThrowingTaskGroup(of: (rule: String, report: ConformanceReport).self) { group in
      var waiting = Self.breaks.map(\.rule)[...]
      var results: [String: ConformanceReport] = [:]
      for _ in 0..<4 { addNext(&waiting, to: &group) }
      while let result = try await group.next() {
        results[result.rule] = result.report
        addNext(&waiting, to: &group)
      }
      return results
    }
    for (rule, expected) in Self.breaks {
      let report = try #require(results[rule])
      #expect(report.failures == Set(expected), "\(rule): \(report.messages)")
      #expect(report.code == 1, "\(rule)")
      #expect(!report.isConforming, "\(rule)")
    }
  }

  private func addNext(
    _ waiting: inout ArraySlice<String>,
    to group: inout ThrowingTaskGroup<(rule: String, report: ConformanceReport), any Error>
  ) {
    guard let rule = waiting.popFirst() else { return }
    group.addTask {
      let peer = try await PeerProcess(["--break", rule])
      return (rule, try await ConformanceReport(peer.arguments))
    }
  }

  @Test("the table names every rule that the peer can break")
  func table() async throws {
    let listed = try PeerProcess.list().split(separator: "\n").compactMap {
      $0.split(separator: " ").first.map(String.init)
    }
    #expect(Set(listed) == Set(Self.breaks.map(\.rule)))
    let ids = Set(Case.all.map(\.id))
    for (rule, expected) in Self.breaks { #expect(ids.isSuperset(of: expected), "\(rule)") }
  }

  @Test("cases have ids of their own, a title and clauses of SPEC")
  func cases() throws {
    let ids = Case.all.map(\.id)
    #expect(Set(ids).count == ids.count)
    #expect(ids.count >= 60)
    let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    let spec = try String(contentsOfFile: root + "/SPEC.md", encoding: .utf8)
    for one in Case.all {
      #expect(one.id.split(separator: "/").count == 2)
      #expect(!one.title.isEmpty && !one.clauses.isEmpty, "\(one.id)")
      for clause in one.clauses { #expect(spec.contains("**\(clause)** [implemented]"), "\(one.id) cites \(clause)") }
    }
  }

  @Test("--junit writes XML that counts what failed; --list shows cases and clauses")
  func reports() async throws {
    let directory = try TemporaryDirectory()
    let file = directory.path + "/report.xml"
    let peer = try await PeerProcess(["--break", "pong-other-bytes"])
    let failed = try await run(
      "conformance", peer.endpoint, "--filter", "liveness/ping,liveness/ack-falls", "--timeout-seconds", "1", "--junit",
      file)
    #expect(failed.code == 1)
    #expect(failed.output.contains("failed liveness/ping") && failed.output.contains("LIV-1"))
    #expect(failed.output.contains("not conforming"))
    let counts = try JUnitCounts(xml: #require(directory.content(of: "report.xml")))
    #expect(counts.cases == 2 && counts.failures == 1 && counts.stated == ["2 1"])
    let listed = try await run("conformance", "--list")
    #expect(listed.code == 0)
    #expect(listed.output.split(separator: "\n").count == Case.all.count)
    #expect(listed.output.contains("framing/header-check") && listed.output.contains("HDR-1"))
  }

  @Test(
    "what makes no sense is a usage error, exit 64",
    arguments: [
      [], ["--self", "127.0.0.1:1"], ["--self", "--filter", "no-such-case"], ["--self", "--concurrency", "0"],
      ["--self", "--timeout-seconds", "0"], ["nowhere"],
    ])
  func usage(arguments: [String]) async throws {
    let tool = try ToolProcess(["conformance"] + arguments)
    #expect(try await tool.waitForExit() == 64)
    #expect(!tool.errors.isEmpty)
  }

  @Test("nobody there, or a report that cannot be written: one sentence, exit 1")
  func failures() async throws {
    let nobody = try await run("conformance", "127.0.0.1:1")
    #expect(nobody.code == 1 && nobody.errors.contains("check the address"))
    let unwritable = try await run(
      "conformance", "--self", "--filter", "preface/together", "--junit", "/no/such/directory/report.xml")
    #expect(unwritable.code == 1 && unwritable.errors.contains("--junit"))
  }
}

/// What `--json` said.
private struct ConformanceReport: Sendable {
  let code: Int32
  let isConforming: Bool
  let failures: Set<String>
  let skipped: Set<String>
  let messages: String

  private struct Parsed: Decodable {
    struct Case: Decodable {
      let id: String
      let outcome: String
      let message: String
    }

    let conforming: Bool
    let cases: [Case]
  }

  init(_ arguments: [String]) async throws {
    let tool = try ToolProcess(["conformance", "--json"] + arguments)
    code = try await tool.waitForExit()
    let output = tool.output
    let parsed = try #require(
      try? JSONDecoder().decode(Parsed.self, from: Data(output.utf8)),
      "exit \(code), no report in: \(output.suffix(300)) \(tool.errors.prefix(3_000))")
    isConforming = parsed.conforming
    failures = Set(parsed.cases.filter { $0.outcome == "failed" }.map(\.id))
    skipped = Set(parsed.cases.filter { $0.outcome == "skipped" }.map(\.id))
    messages = parsed.cases.filter { $0.outcome != "passed" }.map { "\($0.id): \($0.message)" }.joined(separator: "\n")
  }
}

/// Tests/Peers/dwcp-peer on a free port.
private final class PeerProcess: Sendable {
  private let process: Process
  let endpoint: String

  /// For a run of all cases: what does not come at once will not come.
  var arguments: [String] { [endpoint, "--timeout-seconds", "3", "--handshake-timeout-seconds", "1"] }

  init(_ options: [String]) async throws {
    let output = Pipe()
    process = try Self.start(["--handshake-timeout", "1", "--objects", "1048576"] + options, output)
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    endpoint = String(try #require(line.split(whereSeparator: \.isWhitespace).last, "the peer does not listen"))
  }

  static func list() throws -> String {
    let output = Pipe()
    let process = try start(["--list-breaks"], output)
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text
  }

  private static func start(_ arguments: [String], _ output: Pipe) throws -> Process {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let process = Process()
    process.executableURL = tests.appendingPathComponent("Peers/dwcp-peer")
    process.arguments = arguments
    process.standardOutput = output
    process.standardInput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// Not SIGTERM: processes that Foundation starts can have it blocked.
  deinit { kill(process.processIdentifier, SIGKILL) }
}

/// What an XML parser finds in a JUnit report.
private struct JUnitCounts {
  let cases: Int
  let failures: Int
  /// `tests failures` as the suites say.
  let stated: Set<String>

  init(xml: Data) throws {
    let reader = Reader()
    let parser = XMLParser(data: xml)
    parser.delegate = reader
    try #require(parser.parse(), "not XML: \(parser.parserError.map { "\($0)" } ?? "")")
    cases = reader.elements.count { $0.name == "testcase" }
    failures = reader.elements.count { $0.name == "failure" }
    stated = Set(
      reader.elements.filter { $0.name.hasPrefix("testsuite") }.map {
        "\($0.attributes["tests"] ?? "-") \($0.attributes["failures"] ?? "-")"
      })
  }

  private final class Reader: NSObject, XMLParserDelegate {
    var elements: [(name: String, attributes: [String: String])] = []

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      elements.append((name, attributes))
    }
  }
}
