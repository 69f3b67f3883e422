import Foundation

/// A file of the benchmarks that could not be read or written: exit code 1.
public struct BenchmarkFileError: Error, Equatable, CustomStringConvertible {
  public enum Code: Sendable {
    /// The system did not let it be read or written.
    case inaccessible
    /// It is not JSON, or not the JSON that is meant to stand there.
    case damaged
    /// Another version of this tool wrote it.
    case foreignSchema
  }

  public let code: Code
  /// As it was given, or from the root of the repository.
  public let file: String
  /// From 1; nil where the whole file is meant.
  public let line: Int?
  /// What is wrong there, and what to do.
  public let text: String

  public init(_ code: Code, file: String, line: Int? = nil, text: String) {
    self.code = code
    self.file = file
    self.line = line
    self.text = text
  }

  /// `FILE:LINE: TEXT`, as compilers write it.
  public var description: String {
    "\(file)\(line.map { ":\($0)" } ?? ""): \(text)"
  }
}

extension BenchmarkResult {
  /// Reads what `write(to:)` or `dwcp-bench run --json` wrote.
  ///
  /// - Throws: `BenchmarkFileError` with the line, where a line is at fault.
  public static func read(from file: String) throws(BenchmarkFileError) -> BenchmarkResult {
    let advice = "Run the benchmark again to make it anew."
    return try decodeFile(try contents(of: file), file: file, schema: currentSchema, advice: advice).value
  }

  /// The document as `run --json` prints it: keys sorted, a line break at the end.
  ///
  /// - Throws: `EncodingError` when a figure is infinite or no number.
  public func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self) + Data("\n".utf8)
  }

  /// Writes the document, in whole or not at all.
  public func write(to file: String) throws(BenchmarkFileError) {
    do {
      try writeFile(try json(), to: file)
    } catch let error as BenchmarkFileError {
      throw error
    } catch {
      throw BenchmarkFileError(.damaged, file: file, text: "a figure of the run is no number, so nothing was written")
    }
  }
}

/// The bytes of a file.
func contents(of file: String) throws(BenchmarkFileError) -> Data {
  do {
    return try Data(contentsOf: URL(fileURLWithPath: file))
  } catch {
    throw BenchmarkFileError(
      .inaccessible, file: file, text: "cannot be read (\(reason(error))); check its path and its permissions.")
  }
}

/// Writes a file in whole or not at all, with the folders that it lies in.
func writeFile(_ data: Data, to file: String) throws(BenchmarkFileError) {
  let url = URL(fileURLWithPath: file)
  do {
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: url, options: .atomic)
  } catch {
    throw BenchmarkFileError(
      .inaccessible, file: file, text: "cannot be written (\(reason(error))); check the folder and its permissions.")
  }
}

private func reason(_ error: any Error) -> String {
  let error = error as NSError
  let underlying = error.userInfo[NSUnderlyingErrorKey] as? any Error
  return (underlying ?? error).localizedDescription
}

private struct SchemaHeader: Decodable {
  let schema: Int
}

/// Decodes a document whose `schema` must be the given one; errors name the line.
///
/// - Parameter advice: what to do about a damaged file, as a sentence.
func decodeFile<Value: Decodable>(
  _ data: Data, file: String, schema: Int, advice: String
) throws(BenchmarkFileError) -> (value: Value, lines: JSONLines) {
  let lines: JSONLines
  do {
    lines = try JSONLines(data)
  } catch {
    throw BenchmarkFileError(.damaged, file: file, line: error.line, text: "\(error.text). \(advice)")
  }
  do {
    let found = try JSONDecoder().decode(SchemaHeader.self, from: data).schema
    guard found == schema else {
      throw BenchmarkFileError(
        .foreignSchema, file: file, line: lines.line(of: ["schema"]),
        text: "schema \(found), and this tool reads \(schema). \(advice)")
    }
    return (try JSONDecoder().decode(Value.self, from: data), lines)
  } catch let error as BenchmarkFileError {
    throw error
  } catch {
    let (path, problem) = explained(error)
    throw BenchmarkFileError(
      .damaged, file: file, line: lines.line(of: path), text: "\(problem). \(advice)")
  }
}

/// Where a decoder stopped, and why in words.
private func explained(_ error: any Error) -> (path: [String], problem: String) {
  func path(_ context: DecodingError.Context) -> [String] {
    context.codingPath.map { key in key.intValue.map(String.init) ?? key.stringValue }
  }
  func place(_ context: DecodingError.Context) -> String {
    path(context).last.map { "\"\($0)\"" } ?? "the document"
  }
  switch error {
  case DecodingError.typeMismatch(let type, let context):
    return (path(context), "\(place(context)) holds a value of another type than \(type)")
  case DecodingError.valueNotFound(let type, let context):
    return (path(context), "\(place(context)) is null and should be a \(type)")
  case DecodingError.keyNotFound(let key, let context):
    return (path(context), "\"\(key.stringValue)\" is missing in \(place(context))")
  case DecodingError.dataCorrupted(let context):
    return (path(context), "\(place(context)) holds a value that is not allowed there: \(context.debugDescription)")
  default:
    return ([], "\(error)")
  }
}
