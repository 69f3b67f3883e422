import Foundation

/// Where the keys of a JSON text stand, or the first place where the text is no JSON.
///
/// Foundation's decoder does not say where a text is damaged, keeps the first of two equal keys and takes a comma
/// before a closing brace. Baselines are merged and edited by hand, so their lines matter. Values are left to the
/// decoder.
struct JSONLines {
  struct Damage: Error, Equatable {
    /// From 1.
    let line: Int
    let text: String
  }

  /// The line of each key, by the names of the keys around it; an element of an array counts by its index.
  private(set) var lines: [[String]: Int] = [:]
  private var rest: ArraySlice<UInt8>
  private var line = 1

  private static let maximumDepth = 64
  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  init(_ text: Data) throws(Damage) {
    rest = ArraySlice(text)
    if rest.starts(with: Self.byteOrderMark) { rest.removeFirst(Self.byteOrderMark.count) }
    guard String(validating: rest, as: UTF8.self) != nil else { throw Self.encodingDamage(rest) }
    try value([])
    skipBlanks()
    guard rest.isEmpty else { throw damage("text after the closing brace") }
  }

  /// The line of the innermost key of a path that stands in the text; 1 when none does.
  func line(of path: [String]) -> Int {
    var path = path
    while !path.isEmpty {
      if let line = lines[path] { return line }
      path.removeLast()
    }
    return 1
  }

  private mutating func value(_ path: [String]) throws(Damage) {
    guard path.count < Self.maximumDepth else { throw damage("values nested too deeply") }
    skipBlanks()
    switch rest.first.map(Unicode.Scalar.init) {
    case "{": try object(path)
    case "[": try array(path)
    case "\"": _ = try string()
    case let scalar? where scalar == "-" || ("0"..."9").contains(scalar): try number()
    default: try word()
    }
  }

  private mutating func object(_ path: [String]) throws(Damage) {
    take()
    skipBlanks()
    if taken("}") { return }
    while true {
      skipBlanks()
      guard rest.first == UInt8(ascii: "\"") else { throw unexpected(expected: "a key in quotes") }
      let keyLine = line
      let inner = path + [try string()]
      if let first = lines.updateValue(keyLine, forKey: inner) {
        throw Damage(line: keyLine, text: "the key \"\(inner.last ?? "")\" stands here again, first in line \(first)")
      }
      skipBlanks()
      guard taken(":") else { throw unexpected(expected: "':' after the key") }
      try value(inner)
      skipBlanks()
      if taken("}") { return }
      guard taken(",") else { throw unexpected(expected: "',' or '}'") }
    }
  }

  private mutating func array(_ path: [String]) throws(Damage) {
    take()
    skipBlanks()
    if taken("]") { return }
    var index = 0
    while true {
      skipBlanks()
      lines[path + [String(index)]] = line
      try value(path + [String(index)])
      skipBlanks()
      if taken("]") { return }
      guard taken(",") else { throw unexpected(expected: "',' or ']'") }
      index += 1
    }
  }

  private mutating func string() throws(Damage) -> String {
    let start = rest
    take()
    while let byte = rest.first {
      if byte < 0x20 { throw damage("a control character inside a string; is its closing quote missing?") }
      take()
      if byte == UInt8(ascii: "\"") { return try Self.decoded(start[start.startIndex..<rest.startIndex], line) }
      if byte == UInt8(ascii: "\\") { take() }
    }
    throw unexpected(expected: "a closing quote")
  }

  private mutating func number() throws(Damage) {
    let digits = rest.prefix { "0123456789+-.eE".utf8.contains($0) }
    let text = String(decoding: digits, as: UTF8.self)
    guard let number = try? JSONDecoder().decode(Double.self, from: Data(digits)), number.isFinite else {
      throw damage("'\(text)' is not a number of JSON")
    }
    rest.removeFirst(digits.count)
  }

  private mutating func word() throws(Damage) {
    for word in ["true", "false", "null"] where rest.starts(with: word.utf8) {
      rest.removeFirst(word.utf8.count)
      return
    }
    throw unexpected(expected: "a value")
  }

  private mutating func skipBlanks() {
    while let byte = rest.first, " \t\r\n".utf8.contains(byte) { take() }
  }

  private mutating func take() {
    if rest.popFirst() == UInt8(ascii: "\n") { line += 1 }
  }

  private mutating func taken(_ character: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: character) else { return false }
    take()
    return true
  }

  private func damage(_ text: String) -> Damage { Damage(line: line, text: text) }

  private func unexpected(expected: String) -> Damage {
    for marker in ["<<<<<<<", "=======", ">>>>>>>"] where rest.starts(with: marker.utf8) {
      return damage("a merge conflict is left here")
    }
    guard let first = String(decoding: rest.prefix(4), as: UTF8.self).first else {
      return damage("the text ends where \(expected) should stand")
    }
    return damage("'\(first)' where \(expected) should stand")
  }

  private static func decoded(_ literal: ArraySlice<UInt8>, _ line: Int) throws(Damage) -> String {
    if !literal.contains(UInt8(ascii: "\\")) {
      return String(decoding: literal.dropFirst().dropLast(), as: UTF8.self)
    }
    guard let string = try? JSONDecoder().decode(String.self, from: Data(literal)) else {
      throw Damage(line: line, text: "a string with an escape that JSON does not have")
    }
    return string
  }

  private static func encodingDamage(_ bytes: ArraySlice<UInt8>) -> Damage {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let bad = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
    return Damage(line: bad + 1, text: "bytes that are not UTF-8")
  }
}
