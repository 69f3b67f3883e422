import Foundation

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// The elements of an XML text in their order, as a real parser sees them.
struct MarkupReader {
  struct Element {
    let name: String
    let attributes: [String: String]
  }

  struct Malformed: Error, CustomStringConvertible {
    let description: String
  }

  let elements: [Element]

  init(xml: String) throws {
    let parser = XMLParser(data: Data(xml.utf8))
    let collector = Collector()
    parser.delegate = collector
    guard parser.parse() else {
      throw Malformed(description: "line \(parser.lineNumber): \(parser.parserError.map { "\($0)" } ?? "?")")
    }
    elements = collector.elements
  }

  private final class Collector: NSObject, XMLParserDelegate {
    var elements: [Element] = []

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String] = [:]
    ) {
      elements.append(Element(name: name, attributes: attributes))
    }
  }
}
