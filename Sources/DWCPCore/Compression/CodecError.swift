/// Why a block could not be decoded, or encoded. It is an error of the block's stream, never of the session (SPEC
/// CDC-4).
public struct CodecError: Error, Hashable, Sendable {
  /// What is wrong with a block.
  public enum Reason: Hashable, Sendable, CaseIterable {
    /// A zstd payload without the magic number, cut short, with bytes behind it, or with something reserved in it.
    case notASingleFrame
    /// The content size in a zstd frame is not the declared raw length.
    case wrongContentSize
    /// A zstd frame asks for a larger window than was announced.
    case windowTooLarge
    /// A zstd frame names a dictionary by itself.
    case dictionaryRequired
    /// A dictionary is too short, too long or damaged.
    case badDictionary
    /// There are too few samples to train a dictionary on, or they are too short.
    case tooFewSamples
    /// A chained zstd payload is not a whole number of blocks of a frame that goes on.
    case notAPart
    /// A chained block came out of order, or behind one that was broken.
    case brokenChain
    /// A chained payload decodes to other bytes than were encoded.
    case wrongCheck
    /// The payload is damaged, or of a codec that has nothing to decode.
    case malformed
    /// The payload decodes to another length than was declared.
    case wrongLength
    /// The memory for the codec, or the room for its output, is missing.
    case notAvailable
  }

  /// What is wrong with the block.
  public let reason: Reason

  init(_ reason: Reason) {
    self.reason = reason
  }

  /// The SPEC rule that was broken: `CDC-3`, `CDC-4`, `CHN-1`, `CHN-3` or `DIC-1`.
  public var rule: String {
    switch reason {
    case .notASingleFrame, .wrongContentSize, .windowTooLarge, .dictionaryRequired: "CDC-3"
    case .malformed, .wrongLength, .notAvailable: "CDC-4"
    case .notAPart, .brokenChain: "CHN-1"
    case .wrongCheck: "CHN-3"
    case .badDictionary, .tooFewSamples: "DIC-1"
    }
  }

  /// One sentence for a person.
  public var message: String {
    switch reason {
    case .notASingleFrame: "a zstd block is not exactly one standard frame"
    case .wrongContentSize: "the content size in a zstd block is not the declared raw length"
    case .windowTooLarge: "a zstd block needs a larger window than this end announced"
    case .dictionaryRequired: "a zstd frame names a dictionary by itself"
    case .badDictionary: "a dictionary is too short, too long or damaged"
    case .tooFewSamples: "there are too few samples to train a dictionary on, or they are too short"
    case .notAPart: "a chained zstd block is not a flushed part of one frame"
    case .brokenChain: "a chained block does not follow the one before it"
    case .wrongCheck: "a chained block does not decode to the bytes that were sent"
    case .malformed: "a compressed block is damaged and cannot be decoded"
    case .wrongLength: "a compressed block does not decode to its declared raw length"
    case .notAvailable: "there is not enough memory for a codec or its output"
    }
  }
}

extension CodecError: CustomStringConvertible {
  public var description: String { "\(message) (\(rule))" }
}
