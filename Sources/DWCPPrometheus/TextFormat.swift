/// The rules of Prometheus' text format 0.0.4.
enum TextFormat {
  /// A name of letters, digits, `_` and `:` that does not begin with a digit, and ends with the suffix.
  static func metricName(_ label: String, suffix: String) -> String {
    let name = identifier(label, allowsColons: true)
    return name.hasSuffix(suffix) ? name : name + suffix
  }

  /// As a metric's name, without colons; names that begin with two `_` belong to Prometheus itself.
  static func labelName(_ name: String, reserved: String?) -> String {
    var name = identifier(name, allowsColons: false)
    while name.hasPrefix("__") { name.removeFirst() }
    return name == reserved ? "_" + name : name
  }

  private static func identifier(_ text: String, allowsColons: Bool) -> String {
    var name = ""
    for character in text.unicodeScalars {
      switch character {
      case "a"..."z", "A"..."Z", "_": name.unicodeScalars.append(character)
      case "0"..."9":
        if name.isEmpty { name = "_" }
        name.unicodeScalars.append(character)
      case ":" where allowsColons: name.unicodeScalars.append(character)
      default: name += "_"
      }
    }
    return name.isEmpty ? "_" : name
  }

  static func escapedHelp(_ text: String) -> String {
    escaped(text, escapesQuotes: false)
  }

  static func escapedLabelValue(_ text: String) -> String {
    escaped(text, escapesQuotes: true)
  }

  private static func escaped(_ text: String, escapesQuotes: Bool) -> String {
    var result = ""
    for character in text.unicodeScalars {
      switch character {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where escapesQuotes: result += "\\\""
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }

  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    // Whole numbers as Prometheus writes them itself, as far as a Double holds each of them.
    return value == value.rounded() && abs(value) < 9_007_199_254_740_992 ? String(Int64(value)) : "\(value)"
  }
}

/// The labels of one series in the form in which they are written, sorted by name; of labels with the same name the last one counts.
struct LabelSet: Hashable, Comparable {
  let text: String

  init(_ dimensions: [(String, String)], reserved: String?) {
    var values: [String: String] = [:]
    for (name, value) in dimensions { values[TextFormat.labelName(name, reserved: reserved)] = value }
    text = values.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(TextFormat.escapedLabelValue($0.value))\"" }.joined(
      separator: ",")
  }

  static func < (left: LabelSet, right: LabelSet) -> Bool { left.text < right.text }

  /// With the braces, or nothing where there are no labels.
  func braced(adding extra: String? = nil) -> String {
    let all = [text, extra ?? ""].filter { !$0.isEmpty }.joined(separator: ",")
    return all.isEmpty ? "" : "{\(all)}"
  }
}
