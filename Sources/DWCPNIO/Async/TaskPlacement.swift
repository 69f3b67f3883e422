/// Where the code that uses streams runs: the body of ``withSession(host:port:configuration:onStream:_:)``, what `onStream` serves, and
/// the tasks that either of them makes.
public enum TaskPlacement: Hashable, Sendable {
  /// Where the caller's tasks run, by default Swift's shared pool of threads. Each wait costs two thread switches, and code that computes for
  /// long or blocks holds up nobody else while the pool has threads left.
  case inherited
  /// On the event loop of the session, as a task executor preference: for many short exchanges, whose calls then cost no thread switch.
  /// Code that computes for long or blocks there holds up every session of that loop, their acknowledgements and pings included. Actors
  /// with executors of their own, such as the main actor, keep their places.
  case eventLoop
}
