// The client, and the program.
#include "nghttp2_connection.h"
#include "nghttp2_peer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

// What the client keeps of a stream.
struct stream {
  const uint8_t *payload; // first: `send_data` takes a bulk block from here
  size_t payload_left;
  uint8_t service;
  bool has_sent_tag; // of a sink: the byte that says so
  bool ends;         // nothing follows the payload
  uint32_t have;     // bytes received
  uint8_t *memory;   // of a count: the 8 bytes
};

static const struct options *options;
static struct connection *connection;
static struct span span;
static uint64_t bulk_bytes;
static long completed;
static long open_idle;
static uint64_t answered_count;
static bool has_answered;
static bool bulk_is_over;
static bool bulk_decides; // else the echo beside it does
static bool echo_is_over;
static bool exchange_repeats;
static uint8_t exchange[EXCHANGE_BYTES];
static uint8_t echo[1 + ECHO_BYTES];
static uint64_t echo_sent_at;
static int32_t echo_id;
static uint8_t message[MAXIMUM_TAG_BYTES];

static ssize_t read_small(struct stream *stream, uint8_t *out, size_t room, uint32_t *flags) {
  size_t count = stream->payload_left < room ? stream->payload_left : room;
  if (count == 0 && !stream->ends) return NGHTTP2_ERR_DEFERRED;
  memcpy(out, stream->payload, count);
  stream->payload += count;
  stream->payload_left -= count;
  if (stream->ends && stream->payload_left == 0) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return (ssize_t)count;
}

static ssize_t read_payload(nghttp2_session *session, int32_t id, uint8_t *out, size_t room, uint32_t *flags,
                            nghttp2_data_source *source, void *user) {
  (void)session, (void)id, (void)user;
  struct stream *stream = source->ptr;
  if (stream->service != SERVICE_SINK) return read_small(stream, out, room, flags);
  if (!stream->has_sent_tag) {
    stream->has_sent_tag = true;
    out[0] = SERVICE_SINK;
    return 1;
  }
  if (bulk_decides && !bulk_is_over && stream->payload_left == 0) {
    bulk_is_over = span_is_over(&span, (long)(bulk_bytes / BLOCK_BYTES));
  }
  if (bulk_is_over) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return 0;
  }
  if (stream->payload_left == 0) {
    stream->payload = source_next_block();
    stream->payload_left = BLOCK_BYTES;
  }
  size_t count = stream->payload_left < room ? stream->payload_left : room;
  stream->payload_left -= count;
  bulk_bytes += count;
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  return (ssize_t)count;
}

static int32_t stream_open(uint8_t service, const uint8_t *payload, size_t count, bool ends) {
  struct stream *stream = calloc(1, sizeof *stream);
  if (stream == NULL) fail("there is no memory for another stream");
  *stream = (struct stream){.payload = payload, .payload_left = count, .service = service, .ends = ends};
  nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = read_payload};
  int32_t id = nghttp2_submit_request(connection->session, NULL, request_fields, 4, &provider, stream);
  if (id < 0) fail("nghttp2 opens no stream: %s", nghttp2_strerror(id));
  return id;
}

static void exchange_open(void) { stream_open(SERVICE_EXCHANGE, exchange, EXCHANGE_BYTES, true); }

static void echo_next(struct stream *stream) {
  fill_echo(echo + 1, (uint64_t)completed);
  stream->have = 0;
  stream->payload = echo + 1;
  stream->payload_left = ECHO_BYTES;
  echo_sent_at = now_nanoseconds();
  nghttp2_session_resume_data(connection->session, echo_id);
}

static void compare(struct stream *stream, const uint8_t *expected, size_t limit, const uint8_t *bytes, size_t count) {
  if (stream->have + count > limit) fail("an answer is longer than %zu bytes", limit);
  if (memcmp(bytes, expected + stream->have, count) != 0) fail("an answer differs from what was sent");
  stream->have += (uint32_t)count;
}

static int on_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t count,
                    void *user) {
  (void)flags, (void)user;
  struct stream *stream = nghttp2_session_get_stream_user_data(session, id);
  switch (stream->service) {
  case SERVICE_EXCHANGE:
    compare(stream, exchange, EXCHANGE_BYTES, bytes, count);
    break;
  case SERVICE_ECHO:
    compare(stream, echo + 1, ECHO_BYTES, bytes, count);
    if (stream->have < ECHO_BYTES) break;
    latency_add(now_nanoseconds() - echo_sent_at);
    completed += 1;
    echo_is_over = span_is_over(&span, completed);
    if (!echo_is_over) echo_next(stream);
    break;
  case SERVICE_IDLE:
    open_idle += (long)count;
    break;
  case SERVICE_CONFIRM:
  case SERVICE_HEAP:
    if (stream->memory == NULL) stream->memory = malloc(8);
    if (stream->have + count > 8) fail("a count is longer than 8 bytes");
    memcpy(stream->memory + stream->have, bytes, count);
    stream->have += (uint32_t)count;
    if (stream->have < 8) break;
    answered_count = get_count(stream->memory);
    has_answered = true;
    break;
  default:
    fail("a sink answered");
  }
  return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user) {
  (void)user;
  struct stream *stream = nghttp2_session_get_stream_user_data(session, id);
  if (code != 0) fail("stream %d ended with error %u", id, code);
  if (stream->service == SERVICE_EXCHANGE) {
    if (stream->have != EXCHANGE_BYTES) fail("an answer ended after %u bytes of %d", stream->have, EXCHANGE_BYTES);
    completed += 1;
    if (exchange_repeats && !span_is_over(&span, completed)) exchange_open();
    else exchange_repeats = false;
  }
  free(stream->memory);
  free(stream);
  return 0;
}

static bool once(void) {
  if (!connection_send(connection)) return false;
  struct pollfd socket = {.fd = connection->descriptor, .events = connection_interest(connection)};
  poll(&socket, 1, -1);
  return (socket.revents & (POLLIN | POLLHUP | POLLERR)) == 0 || connection_receive(connection);
}

#define RUN_UNTIL(condition)                                                                                 \
  while (!(condition))                                                                                       \
  if (!once()) fail("the server ended the connection: %s", strerror(errno))

static void connection_open(void) {
  connection = calloc(1, sizeof *connection);
  connection->descriptor = connect_to(options->host, options->port);
  set_nonblocking(connection->descriptor);
  nghttp2_session_callbacks *callbacks = connection_callbacks();
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_chunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
  nghttp2_session_client_new(&connection->session, callbacks, connection);
  nghttp2_session_callbacks_del(callbacks);
  connection_begin(connection, options);
  // Before the clock runs: the settings of both ends arrive with this.
  exchange_open();
  RUN_UNTIL(completed == 1);
  completed = 0;
}

static uint64_t ask(uint8_t service, uint64_t count) {
  message[0] = service;
  put_count(message + 1, count);
  has_answered = false;
  stream_open(service, message, service == SERVICE_CONFIRM ? MAXIMUM_TAG_BYTES : 1, true);
  RUN_UNTIL(has_answered);
  return answered_count;
}

static uint64_t confirm(void) {
  uint64_t counted = ask(SERVICE_CONFIRM, bulk_bytes);
  if (counted != bulk_bytes) fail("%llu bytes were sent, %llu arrived", (unsigned long long)bulk_bytes,
                                  (unsigned long long)counted);
  return counted;
}

static void sinks_open(void) {
  for (int index = 0; index < options->streams; index++) stream_open(SERVICE_SINK, NULL, 0, false);
}

static void run_bulk(void) {
  bulk_decides = true;
  span = span_begin(options);
  sinks_open();
  RUN_UNTIL(bulk_is_over);
  report_bulk(&span, confirm());
}

static void run_exchange(void) {
  span = span_begin(options);
  exchange_repeats = true;
  for (int index = 0; index < options->streams; index++) exchange_open();
  RUN_UNTIL(!exchange_repeats);
  report_exchange(&span, completed);
}

static void run_echo(void) {
  echo[0] = SERVICE_ECHO;
  fill_echo(echo + 1, 0);
  span = span_begin(options);
  echo_id = stream_open(SERVICE_ECHO, echo, 1 + ECHO_BYTES, false);
  echo_sent_at = now_nanoseconds();
  sinks_open();
  RUN_UNTIL(echo_is_over);
  bulk_is_over = true;
  uint64_t counted = options->streams > 0 ? confirm() : 0;
  report_echo(&span, counted, options->streams > 0 ? now_nanoseconds() - span.begin : 0);
}

static void run_idle(void) {
  long count = options->count > 0 ? options->count : 10000;
  static const uint8_t tag = SERVICE_IDLE;
  uint64_t server_before = ask(SERVICE_HEAP, 0), client_before = heap_bytes();
  for (long index = 0; index < count; index++) {
    stream_open(SERVICE_IDLE, &tag, 1, false);
    RUN_UNTIL(index - open_idle < 64);
  }
  RUN_UNTIL(open_idle == count);
  double client = (double)heap_bytes() - (double)client_before;
  double server = (double)ask(SERVICE_HEAP, 0) - (double)server_before;
  report_idle(count, client, server);
}

int main(int argc, char **argv) {
  struct options parsed = parse_options(argc, argv, true);
  options = &parsed;
  fill_exchange(exchange);
  if (parsed.serves) nghttp2_serve(options);
  if (strncmp(parsed.workload, MEMORY_PREFIX, strlen(MEMORY_PREFIX)) == 0) {
    nghttp2_memory(options);
    return 0;
  }
  bool is_bulk = strcmp(parsed.workload, "bulk") == 0, is_echo = strcmp(parsed.workload, "echo") == 0;
  if (is_bulk || (is_echo && parsed.streams > 0)) source_make();
  connection_open();
  if (is_bulk) run_bulk();
  else if (is_echo) run_echo();
  else if (strcmp(parsed.workload, "exchange") == 0) run_exchange();
  else if (strcmp(parsed.workload, "idle") == 0) run_idle();
  else fail("there is no workload %s; choose bulk, exchange, echo or idle", parsed.workload);
  return 0;
}
