// The server: one connection at a time is enough, since a client has one.
#define _GNU_SOURCE
#include "nghttp2_connection.h"
#include "nghttp2_peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// What the server keeps of a stream; `memory` exists only while it holds something.
struct stream {
  int32_t id;
  uint8_t service; // 0 while unknown
  bool has_answered;
  bool ends;        // nothing follows what is in `memory`
  uint32_t have;    // bytes in `memory`
  uint32_t sent;    // bytes of it that have left
  uint32_t room;
  uint8_t *memory;
};

static uint64_t sink_bytes;
static struct stream *confirming;

static void keep(struct stream *stream, const uint8_t *bytes, size_t count) {
  if (stream->sent == stream->have) stream->sent = stream->have = 0;
  if (stream->have + count > stream->room) {
    stream->room = (uint32_t)(stream->have + count);
    stream->memory = realloc(stream->memory, stream->room);
    if (stream->memory == NULL) fail("there is no memory for %u bytes of a stream", stream->room);
  }
  memcpy(stream->memory + stream->have, bytes, count);
  stream->have += (uint32_t)count;
}

static ssize_t read_answer(nghttp2_session *session, int32_t id, uint8_t *out, size_t room, uint32_t *flags,
                           nghttp2_data_source *source, void *user) {
  (void)session, (void)id, (void)user;
  struct stream *stream = source->ptr;
  size_t count = stream->have - stream->sent;
  if (count > room) count = room;
  if (count > 0) memcpy(out, stream->memory + stream->sent, count);
  stream->sent += (uint32_t)count;
  if (stream->sent < stream->have) return (ssize_t)count;
  free(stream->memory);
  stream->memory = NULL;
  stream->have = stream->sent = stream->room = 0;
  if (stream->ends) *flags |= NGHTTP2_DATA_FLAG_EOF;
  else if (count == 0) return NGHTTP2_ERR_DEFERRED;
  return (ssize_t)count;
}

static void answer(nghttp2_session *session, struct stream *stream) {
  if (stream->has_answered) {
    nghttp2_session_resume_data(session, stream->id);
    return;
  }
  stream->has_answered = true;
  nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = read_answer};
  nghttp2_submit_response(session, stream->id, response_fields, 1, &provider);
}

static void answer_count(nghttp2_session *session, struct stream *stream, uint64_t count) {
  uint8_t bytes[8];
  put_count(bytes, count);
  stream->have = stream->sent = 0;
  keep(stream, bytes, sizeof bytes);
  stream->ends = true;
  answer(session, stream);
}

static void confirm_if_reached(nghttp2_session *session) {
  if (confirming == NULL || sink_bytes < get_count(confirming->memory + 1)) return;
  answer_count(session, confirming, sink_bytes);
  confirming = NULL;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
  (void)user;
  struct stream *stream = calloc(1, sizeof *stream);
  if (stream == NULL) fail("there is no memory for another stream");
  stream->id = frame->hd.stream_id;
  return nghttp2_session_set_stream_user_data(session, stream->id, stream);
}

static int on_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t count,
                    void *user) {
  (void)flags, (void)user;
  struct stream *stream = nghttp2_session_get_stream_user_data(session, id);
  if (stream == NULL || count == 0) return 0;
  if (stream->service == 0) {
    stream->service = bytes[0];
    if (stream->service == SERVICE_SINK || stream->service == SERVICE_ECHO) bytes += 1, count -= 1;
  }
  switch (stream->service) {
  case SERVICE_SINK:
    sink_bytes += count;
    confirm_if_reached(session);
    break;
  case SERVICE_ECHO:
    if (count == 0) break;
    keep(stream, bytes, count);
    answer(session, stream);
    break;
  case SERVICE_EXCHANGE:
    keep(stream, bytes, count);
    if (stream->have != EXCHANGE_BYTES) break;
    stream->ends = true;
    answer(session, stream);
    break;
  case SERVICE_CONFIRM:
    keep(stream, bytes, count);
    if (stream->have != MAXIMUM_TAG_BYTES) break;
    confirming = stream;
    confirm_if_reached(session);
    break;
  case SERVICE_HEAP:
    answer_count(session, stream, heap_bytes());
    break;
  case SERVICE_IDLE:
    keep(stream, bytes, count);
    answer(session, stream);
    break;
  default:
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_PROTOCOL_ERROR);
  }
  return 0;
}

// A sink and an echo end when the client ends them.
static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
  (void)user;
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0 || frame->hd.stream_id == 0) return 0;
  struct stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
  if (stream == NULL || (stream->service != SERVICE_SINK && stream->service != SERVICE_ECHO)) return 0;
  stream->ends = true;
  answer(session, stream);
  return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user) {
  (void)code, (void)user;
  struct stream *stream = nghttp2_session_get_stream_user_data(session, id);
  if (stream == NULL) return 0;
  if (confirming == stream) confirming = NULL;
  free(stream->memory);
  free(stream);
  return 0;
}

static void serve_connection(int descriptor, const struct options *options) {
  struct connection *connection = calloc(1, sizeof *connection);
  connection->descriptor = descriptor;
  nghttp2_session_callbacks *callbacks = connection_callbacks();
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_chunk);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
  nghttp2_session_server_new(&connection->session, callbacks, connection);
  nghttp2_session_callbacks_del(callbacks);
  connection_begin(connection, options);
  bool is_open = true;
  while (is_open) {
    struct pollfd socket = {.fd = descriptor, .events = connection_interest(connection)};
    poll(&socket, 1, -1);
    if (socket.revents & (POLLIN | POLLHUP | POLLERR)) is_open = connection_receive(connection);
    if (is_open) is_open = connection_send(connection);
  }
  nghttp2_session_del(connection->session);
  free(connection);
}

void nghttp2_serve(const struct options *options) {
  int listener = listen_on(options->port), one = 1;
  while (true) {
    struct pollfd socket = {.fd = listener, .events = POLLIN};
    poll(&socket, 1, -1);
    int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) continue;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    serve_connection(descriptor, options);
    close(descriptor);
  }
}
