import Foundation
import Testing

/// Rules about the tree itself, so that nobody has to remember them in a review.
@Suite struct TidySuite {
  private let tree = SourceTree()

  @Test("modules import only what their place in the house allows")
  func imports() throws {
    let allowed: [String: Set<String>] = [
      "DWCPCore": ["CCRC32C", "CDelta", "CLZ4", "CZstd", "Crypto", "DequeModule", "NIOCore", "Synchronization"],
      "DWCPNIO": ["DWCPCore", "DequeModule", "Logging", "NIOCore", "NIOPosix", "Synchronization"],
      "DWCPStreamMetrics": ["CoreMetrics", "DWCPCore"],
      "DWCPBandwidthMetrics": ["CoreMetrics", "DWCPCore"],
      "DWCPCompressionMetrics": ["CoreMetrics", "DWCPCore"],
      "DWCPPrometheus": ["CoreMetrics", "Synchronization"],
      // Nothing of the engine: the tester must not share its mistakes.
      "DWCPConformance": ["CCRC32C", "Foundation", "Synchronization"],
      "DWCPLinkEmulation": ["DWCPCore", "Darwin", "Glibc", "Musl", "NIOCore", "NIOPosix"],
      "dwcp": [
        "ArgumentParser", "Crypto", "DWCPConformance", "DWCPBandwidthMetrics", "DWCPCompressionMetrics", "DWCPCore",
        "DWCPNIO",
        "DWCPPrometheus", "DWCPStreamMetrics", "Dispatch", "Foundation", "Logging", "NIOCore", "NIOHTTP1", "NIOPosix",
        "Synchronization",
      ],
    ]
    let pattern = /^(?:public |internal |@testable )*import (\w+)/
    for file in tree.sources {
      let permitted = try #require(allowed[file.module], "\(file.module) has no rule about imports; give it one")
      for line in file.lines {
        guard let match = line.firstMatch(of: pattern) else { continue }
        #expect(permitted.contains(String(match.1)), "\(file.path) imports \(match.1)")
      }
    }
  }

  @Test("files and functions stay short enough to be read")
  func lengths() {
    for file in tree.sources + tree.tests {
      #expect(file.lines.count <= 400, "\(file.path) has \(file.lines.count) lines; split it")
      for function in file.functions {
        #expect(function.lineCount <= 70, "\(file.path): \(function.name) has \(function.lineCount) lines")
      }
    }
  }

  @Test("each implemented clause of SPEC is cited by code and by a test, and no citation is of a clause that is gone")
  func clauses() throws {
    let clauses = try tree.clauses()
    try #require(clauses.count > 80)
    let code = tree.citations(in: tree.sources)
    let tests = tree.citations(in: tree.tests)
    for (clause, isImplemented) in clauses where isImplemented {
      #expect(code.contains(clause), "no code cites \(clause)")
      #expect(tests.contains(clause), "no test cites \(clause)")
    }
    let prefixes = Set(clauses.keys.map { $0.prefix { $0 != "-" } })
    for citation in code.union(tests) where prefixes.contains(citation.prefix { $0 != "-" }) {
      #expect(clauses[citation] != nil, "\(citation) is cited, and is not in SPEC.md")
    }
  }

  /// In what would be containers of the standard library: they check bounds by trapping, and one answers for its references itself.
  private static func isPermitted(_ line: String, in path: String) -> Bool {
    let permitted = [#"else { fatalError("") }"#, "extension Slab: @unchecked Sendable where"]
    return ["Slab", "ShortQueue"].contains { path == "Sources/DWCPCore/Streams/\($0).swift" }
      && permitted.contains { line.contains($0) }
  }

  @Test("nothing that traps or escapes the compiler's checks stands in the sources")
  func traps() throws {
    let forbidden = try [
      #"\btry!"#, #"\bas!"#, #"@unchecked\s+Sendable"#, #"\bfatalError\("#, #"\bprecondition(Failure)?\("#,
      // A forced unwrapping.
      #"[\w\)\]]!([\s\.\)\],]|$)"#,
    ].map { try Regex($0) }
    for file in tree.sources {
      for (index, line) in file.code.enumerated() where !Self.isPermitted(line, in: file.path) {
        for pattern in forbidden where line.contains(pattern) {
          Issue.record("\(file.path):\(index + 1): \(line)")
        }
      }
    }
  }

  /// What an application or this end's own configuration says reaches these files, and nothing that a peer says.
  private static let sendingFiles: Set<String> = [
    "Compression/CodecLadder.swift", "Compression/CodecSelector.swift", "Compression/GrantedCores.swift",
    "Compression/LinkProbe.swift", "Compression/PresumedLink.swift", "Compression/RungFigures.swift",
    "Compression/StreamCompression.swift",
    "Session/Session+Commands.swift", "Session/Session+Transmit.swift", "Session/Session+TransmitBlocks.swift",
    "Session/SessionConfiguration.swift", "Streams/SendHalf.swift", "Streams/SendQueue.swift",
    "Streams/SendSchedule.swift", "Streams/StreamState+Sending.swift", "Wire/TransmitBatch.swift",
  ]

  @Test("arithmetic on the receiving paths cannot trap: bounds are checked by guards, and operators wrap")
  func arithmetic() {
    let core = "Sources/DWCPCore/"
    let files = tree.sources.filter { $0.path.hasPrefix(core) }
    let paths = Set(files.map { String($0.path.dropFirst(core.count)) })
    #expect(Self.sendingFiles.isSubset(of: paths), "a sending file has gone; take it off the list")
    for file in files where !Self.sendingFiles.contains(String(file.path.dropFirst(core.count))) {
      for (index, line) in file.code.enumerated() where line.contains(/\s[-+*]=?\s/) {
        Issue.record("\(file.path):\(index + 1) may trap; check the bounds and use the operator with &: \(line)")
      }
    }
  }

  @Test("each file that the articles name exists")
  func articles() throws {
    let catalogue = tree.root + "/Sources/DWCPCore/DWCPCore.docc/"
    for article in ["Architecture.md", "LifeOfAByte.md"] {
      let text = try String(contentsOfFile: catalogue + article, encoding: .utf8)
      let names = text.matches(of: /`([\w.+\/-]+\.(?:swift|md))`/).map { String($0.1) }
      try #require(names.count > 10, "\(article) names no files")
      for name in names {
        let places = [name, "Sources/DWCPCore/" + name].map { tree.root + "/" + $0 }
        let exists = places.contains { FileManager.default.fileExists(atPath: $0) }
        #expect(exists || isUniqueName(name), "\(article) names \(name), which is gone")
      }
    }
  }

  /// The article's table names some files within their folder's row.
  private func isUniqueName(_ name: String) -> Bool {
    tree.sources.filter { $0.path.hasSuffix("/" + name) }.count == 1
  }
}
