/// The text as the content or a quoted attribute of HTML. Characters that have no place in a page become U+FFFD.
func htmlEscaped(_ text: String) -> String { markupEscaped(text) { _ in nil } }

/// The text as the content or a quoted attribute of XML 1.0. Parsers turn a line break inside an attribute into a
/// space unless it is escaped.
func xmlEscaped(_ text: String) -> String {
  markupEscaped(text) { scalar in
    ["\n", "\r", "\t"].contains(scalar) ? "&#\(scalar.value);" : nil
  }
}

private func markupEscaped(_ text: String, _ additional: (Unicode.Scalar) -> String?) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    case "\n", "\r", "\t":
      if let escape = additional(scalar) { result += escape } else { result.unicodeScalars.append(scalar) }
    case "\u{20}"..."\u{D7FF}", "\u{E000}"..."\u{FFFD}", "\u{10000}"..."\u{10FFFF}":
      result.unicodeScalars.append(scalar)
    default: result += "\u{FFFD}"
    }
  }
  return result
}
