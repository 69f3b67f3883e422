import Foundation

extension Baseline {
  /// Reads the baseline of a suite.
  ///
  /// - Parameters:
  ///   - root: the root of the repository; errors and verdicts name the file from there.
  ///   - key: `Fingerprint.key` of the machine that checks.
  /// - Returns: nil when there is no such file.
  /// - Throws: `BenchmarkFileError` with the line that is at fault.
  public static func read(suite: String, key: String, root: String) throws(BenchmarkFileError) -> Baseline? {
    let file = file(suite: suite, key: key)
    let path = "\(root)/\(file)"
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let data: Data
    do {
      data = try contents(of: path)
    } catch {
      throw BenchmarkFileError(error.code, file: file, text: error.text)
    }
    return try Baseline(json: data, file: file)
  }

  /// Reads all baselines of the result's platform, by suite; also those of suites that nothing measured, since that
  /// is a finding.
  ///
  /// - Throws: `BenchmarkFileError` of the first file that cannot be read.
  public static func read(for result: BenchmarkResult, root: String) throws(BenchmarkFileError) -> [String: Baseline] {
    let folders = (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(folder)")) ?? []
    var baselines: [String: Baseline] = [:]
    for suite in Set(result.scenarios.map(\.suite)).union(folders).sorted() {
      baselines[suite] = try read(suite: suite, key: result.fingerprint.key, root: root)
    }
    return baselines
  }

  /// Reads a baseline's text.
  ///
  /// - Parameter file: its path from the root of the repository, for errors and verdicts.
  public init(json: Data, file: String) throws(BenchmarkFileError) {
    let advice =
      "Restore it with 'git checkout -- \(file)', or make it anew with 'dwcp-bench baseline update --reason \"...\"'."
    let (document, lines): (Document, JSONLines) = try decodeFile(
      json, file: file, schema: Self.currentSchema, advice: advice)
    var entryLines: [String: Int] = [:]
    for name in document.metrics.keys { entryLines[name] = lines.line(of: ["metrics", name]) }
    self.init(
      suite: document.suite, fingerprint: document.fingerprint, reason: document.reason, date: document.date,
      entries: document.metrics, file: file, lines: entryLines)
  }

  /// Writes the baseline to its place under the root of the repository, in whole or not at all.
  public func write(root: String) throws(BenchmarkFileError) {
    do {
      try writeFile(Data(json.utf8), to: "\(root)/\(file)")
    } catch {
      throw BenchmarkFileError(error.code, file: file, text: error.text)
    }
  }

  /// Keys sorted and one metric a line, so that a diff shows one line for each figure that changed.
  public var json: String {
    let metrics = entries.sorted { $0.key < $1.key }.map { "    \(quoted($0.key)): \($0.value.json)" }
    return """
      {
        "date": \(quoted(date)),
        "fingerprint": \(fingerprint.json(indentation: "  ")),
        "metrics": {
      \(metrics.joined(separator: ",\n"))
        },
        "reason": \(quoted(reason)),
        "schema": \(Self.currentSchema),
        "suite": \(quoted(suite))
      }

      """
  }
}

/// What the file holds besides its schema, which is read first.
private struct Document: Decodable {
  let suite: String
  let fingerprint: Fingerprint
  let reason: String
  let date: String
  let metrics: [String: Baseline.Entry]
}

extension Baseline.Entry: Decodable {
  private enum Key: String, CodingKey {
    case metricClass = "class"
    case unit, direction, value, digest
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    metricClass = try container.decode(MetricClass.self, forKey: .metricClass)
    unit = try container.decode(String.self, forKey: .unit)
    direction = try container.decode(Direction.self, forKey: .direction)
    if container.contains(.digest) {
      value = .digest(try container.decode(String.self, forKey: .digest))
    } else {
      value = .number(try container.decode(Double.self, forKey: .value))
    }
  }

  fileprivate var json: String {
    let digest = if case .digest(let digest) = value { "\"digest\": \(quoted(digest)), " } else { "" }
    let number = if case .number(let number) = value { ", \"value\": \(exactText(number))" } else { "" }
    return """
      {"class": \(quoted(metricClass.rawValue)), \(digest)"direction": \(quoted(direction.rawValue)), \
      "unit": \(quoted(unit))\(number)}
      """
  }
}

extension Fingerprint {
  /// Each field in a line of its own; whatever fields the type has.
  fileprivate func json(indentation: String) -> String {
    guard let data = try? JSONEncoder().encode(self), let object = try? JSONSerialization.jsonObject(with: data) else {
      return "{}"
    }
    return Self.json(object, indentation)
  }

  private static func json(_ value: Any, _ indentation: String) -> String {
    switch value {
    case let object as [String: Any]:
      if object.isEmpty { return "{}" }
      let fields = object.sorted { $0.key < $1.key }.map {
        "\(indentation)  \(quoted($0.key)): \(json($0.value, indentation + "  "))"
      }
      return "{\n\(fields.joined(separator: ",\n"))\n\(indentation)}"
    case let array as [Any]: return "[\(array.map { json($0, indentation) }.joined(separator: ", "))]"
    case let text as String: return quoted(text)
    default: return "\(value)"
    }
  }
}

/// A string as JSON writes it.
private func quoted(_ text: String) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = .withoutEscapingSlashes
  return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
}
