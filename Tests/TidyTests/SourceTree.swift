import Foundation

/// The repository's own Swift files.
struct SourceTree {
  struct File {
    /// Relative to the repository.
    let path: String
    let lines: [Substring]

    /// `Sources/NAME/...` is of the module NAME.
    var module: String { String(path.split(separator: "/").dropFirst().first ?? "") }

    /// Lines without comments and without what stands in string literals.
    var code: [String] {
      lines.map { line in
        let withoutText = line.replacing(/"(\\.|[^"\\])*"/, with: "\"\"")
        return String(withoutText.prefix(upTo: withoutText.firstRange(of: "//")?.lowerBound ?? withoutText.endIndex))
      }
    }
  }

  struct Function {
    let name: String
    let lineCount: Int
  }

  let root: String
  let sources: [File]
  let tests: [File]

  init() {
    let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    self.root = root
    sources = Self.files(below: "Sources", of: root)
    tests = Self.files(below: "Tests", of: root)
  }

  private static func files(below directory: String, of root: String) -> [File] {
    let names = FileManager.default.subpaths(atPath: "\(root)/\(directory)") ?? []
    return names.filter { $0.hasSuffix(".swift") }.sorted().compactMap { name in
      guard let text = try? String(contentsOfFile: "\(root)/\(directory)/\(name)", encoding: .utf8) else { return nil }
      return File(path: "\(directory)/\(name)", lines: text.split(separator: "\n", omittingEmptySubsequences: false))
    }
  }

  /// The clauses of SPEC.md, and whether each is implemented.
  func clauses() throws -> [String: Bool] {
    let text = try String(contentsOfFile: root + "/SPEC.md", encoding: .utf8)
    var clauses: [String: Bool] = [:]
    for match in text.matches(of: /\*\*([A-Z]+-\d+)\*\* \[(implemented|reserved)\]/) {
      clauses[String(match.1)] = match.2 == "implemented"
    }
    return clauses
  }

  func citations(in files: [File]) -> Set<String> {
    Set(files.flatMap { file in file.lines.flatMap { $0.matches(of: /\b[A-Z]+-\d+\b/).map { String($0.0) } } })
  }
}

extension SourceTree.File {
  /// Functions and initializers, by the indentation at which each begins and its closing brace stands.
  var functions: [SourceTree.Function] {
    var functions: [SourceTree.Function] = []
    for (start, line) in lines.enumerated() {
      guard let match = line.firstMatch(of: /^( *)[^\/"]*\b(?:func \w+|init)[(<?]/) else { continue }
      let closing = match.1 + "}"
      guard let length = lines[start...].firstIndex(where: { $0 == closing }).map({ $0 - start + 1 }) else { continue }
      let name = line.trimmingCharacters(in: .whitespaces)
      functions.append(SourceTree.Function(name: name, lineCount: length))
    }
    return functions
  }
}
