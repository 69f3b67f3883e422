/// How many chains of blocks one end keeps the history of at once, and how far back that goes (SPEC CHN-2).
public struct ChainBudget: Hashable, Sendable {
  /// Chains that live at once, over all streams; 0 to 65,535.
  public var count: Int
  /// The largest window, as a power of two; 10 to 27. A chain's history takes about so many bytes at the end that decodes.
  public var windowLog: Int

  /// No chains.
  public static let none = ChainBudget(count: 0, windowLog: 10)
  /// Four chains with windows of 4 MiB, which zstd uses up to level 12 as far as it is worth it.
  public static let standard = ChainBudget(count: 4, windowLog: 22)

  /// - Parameter count: chains that live at once.
  /// - Parameter windowLog: their largest window, as a power of two.
  public init(count: Int, windowLog: Int) {
    self.count = count
    self.windowLog = windowLog
  }

  /// The same within the bounds of SPEC section 6.
  var bounded: ChainBudget {
    let bounds = Announcement.Bounds.chainWindowLogs
    return ChainBudget(
      count: min(max(0, count), Int(UInt16.max)),
      windowLog: min(max(windowLog, Int(bounds.lowerBound)), Int(bounds.upperBound)))
  }
}
