// Both ends of one HTTP/2 connection in one thread, joined by memory: what the library itself costs.
//
// What one end sends is gathered in the other's read buffer, in place of the kernel, and taken in one piece. Data of
// open streams is always ready, and a flush just ends after so many frames as were asked for: nghttp2 need not be told
// of each write. With --source woken it is, as when an application writes now and then.
#include "nghttp2_connection.h"
#include "nghttp2_peer.h"

#include <stdlib.h>
#include <string.h>

enum {
  SMALL_BYTES = 64,
  BULK_BYTES = 16384,
  WIRE_BYTES = 1 << 20,
  UNITS_BYTES = 4 << 20,
  MAXIMUM_UNIT_COUNT = 1024,
  MAXIMUM_STREAMS = 100,
  UNITS_PER_CLOCK_READING = 512,
  WARM_UP_UNITS = 20000,
};

struct end {
  nghttp2_session *session;
  size_t wire_have;
  uint8_t wire[WIRE_BYTES]; // what it has sent and the other end has not taken
};

// What each end keeps of an exchange. They are used again, so that none is an allocation of the program's own.
struct exchange_state {
  struct exchange_state *next;
  uint32_t have; // bytes received
  uint8_t bytes[EXCHANGE_BYTES];
};

static const struct options *options;
static struct end client, server;
static uint8_t *units;
static size_t unit_bytes;
static size_t unit_count;
static size_t unit_number;
static int32_t streams[MAXIMUM_STREAMS];
static int frames_left; // of this flush
static bool copies_units; // into nghttp2's own buffer
static uint64_t sent_units;
static uint64_t received_bytes;
static uint64_t received_frames;
static uint64_t wire_bytes;
static uint64_t allocation_count;
static uint8_t exchange[EXCHANGE_BYTES];
static struct exchange_state *unused_states;

static void *count_malloc(size_t size, void *user) {
  (void)user;
  allocation_count += 1;
  return malloc(size);
}

static void *count_calloc(size_t count, size_t size, void *user) {
  (void)user;
  allocation_count += 1;
  return calloc(count, size);
}

static void *count_realloc(void *block, size_t size, void *user) {
  (void)user;
  allocation_count += 1;
  return realloc(block, size);
}

static void count_free(void *block, void *user) {
  (void)user;
  free(block);
}

static void append(struct end *end, const void *bytes, size_t count) {
  if (end->wire_have + count > WIRE_BYTES) fail("a flush is longer than %d bytes; ask for fewer units", WIRE_BYTES);
  memcpy(end->wire + end->wire_have, bytes, count);
  end->wire_have += count;
}

static const uint8_t *next_unit(void) {
  const uint8_t *unit = units + unit_number * unit_bytes;
  unit_number = unit_number + 1 == unit_count ? 0 : unit_number + 1;
  frames_left -= 1;
  sent_units += 1;
  return unit;
}

// A unit of an open stream, which becomes a frame of its own.
static ssize_t read_unit(nghttp2_session *session, int32_t id, uint8_t *out, size_t room, uint32_t *flags,
                         nghttp2_data_source *source, void *user) {
  (void)session, (void)id, (void)source, (void)user;
  if (room < unit_bytes || (options->is_woken && frames_left == 0)) return NGHTTP2_ERR_DEFERRED;
  if (copies_units) memcpy(out, next_unit(), unit_bytes);
  else *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  return (ssize_t)unit_bytes;
}

// Puts header and payload of a frame on the wire itself, and ends the flush.
static int send_unit(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *header, size_t length,
                     nghttp2_data_source *source, void *user) {
  (void)session, (void)frame, (void)source;
  struct end *end = user;
  if (frames_left == 0) return NGHTTP2_ERR_WOULDBLOCK;
  append(end, header, 9);
  append(end, next_unit(), length);
  return 0;
}

static struct exchange_state *take_state(void) {
  struct exchange_state *state = unused_states;
  if (state == NULL) {
    state = malloc(sizeof *state);
    if (state == NULL) fail("there is no memory for another stream");
  } else {
    unused_states = state->next;
  }
  state->have = 0;
  return state;
}

// `source->fd` counts what has been sent.
static ssize_t read_exchange_from(const uint8_t *bytes, uint8_t *out, size_t room, uint32_t *flags,
                                  nghttp2_data_source *source) {
  size_t left = EXCHANGE_BYTES - (size_t)source->fd, count = left < room ? left : room;
  memcpy(out, bytes + source->fd, count);
  source->fd += (int)count;
  if (count == left) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return (ssize_t)count;
}

static ssize_t read_request(nghttp2_session *session, int32_t id, uint8_t *out, size_t room, uint32_t *flags,
                            nghttp2_data_source *source, void *user) {
  (void)session, (void)id, (void)user;
  return read_exchange_from(exchange, out, room, flags, source);
}

static ssize_t read_answer(nghttp2_session *session, int32_t id, uint8_t *out, size_t room, uint32_t *flags,
                           nghttp2_data_source *source, void *user) {
  (void)user;
  struct exchange_state *state = nghttp2_session_get_stream_user_data(session, id);
  return read_exchange_from(state->bytes, out, room, flags, source);
}

static bool is_exchange(void) { return unit_bytes == EXCHANGE_BYTES; }

static int server_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
  (void)user;
  return is_exchange() ? nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, take_state()) : 0;
}

static int server_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t count,
                        void *user) {
  (void)flags, (void)user;
  received_bytes += count;
  received_frames += 1;
  if (!is_exchange()) return 0;
  struct exchange_state *state = nghttp2_session_get_stream_user_data(session, id);
  if (state->have + count > EXCHANGE_BYTES) fail("a request is longer than %d bytes", EXCHANGE_BYTES);
  memcpy(state->bytes + state->have, bytes, count);
  state->have += (uint32_t)count;
  return 0;
}

static int server_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
  (void)user;
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0 || frame->hd.stream_id == 0) return 0;
  nghttp2_data_provider provider = {.source.fd = 0, .read_callback = read_answer};
  return nghttp2_submit_response(session, frame->hd.stream_id, response_fields, options->is_bare ? 0 : 1, &provider);
}

static int client_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t count,
                        void *user) {
  (void)flags, (void)user;
  struct exchange_state *state = nghttp2_session_get_stream_user_data(session, id);
  if (state->have + count > EXCHANGE_BYTES) fail("an answer is longer than %d bytes", EXCHANGE_BYTES);
  if (memcmp(bytes, exchange + state->have, count) != 0) fail("an answer differs from what was sent");
  state->have += (uint32_t)count;
  return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user) {
  struct exchange_state *state = nghttp2_session_get_stream_user_data(session, id);
  if (code != 0) fail("stream %d ended with error %u", id, code);
  if (state->have != EXCHANGE_BYTES) fail("a stream ended after %u bytes of %d", state->have, EXCHANGE_BYTES);
  if (user == &client) sent_units += 1;
  state->next = unused_states;
  unused_states = state;
  return 0;
}

static void end_begin(struct end *end, bool is_server) {
  nghttp2_session_callbacks *callbacks;
  nghttp2_mem memory = {NULL, count_malloc, count_free, count_calloc, count_realloc};
  nghttp2_option *option;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_no_http_messaging(option, options->is_bare);
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, send_unit);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, is_server ? server_chunk : client_chunk);
  if (is_server) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, server_begin_headers);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, server_frame);
    nghttp2_session_server_new3(&end->session, callbacks, end, option, &memory);
  } else {
    nghttp2_session_client_new3(&end->session, callbacks, end, option, &memory);
  }
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_settings_entry window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)options->window};
  nghttp2_submit_settings(end->session, NGHTTP2_FLAG_NONE, &window, options->window > 0 ? 1 : 0);
  if (options->window > 0) {
    nghttp2_session_set_local_window_size(end->session, NGHTTP2_FLAG_NONE, 0, (int32_t)options->window);
  }
}

// Where no callback stops a flush.
static bool has_flush_ended(const struct end *end) {
  return copies_units && !options->is_woken && end == &client && frames_left == 0;
}

// Hands what an end has to send to the other one; false when that is nothing.
static bool hand_over(struct end *from, struct end *to) {
  while (!has_flush_ended(from)) {
    const uint8_t *bytes;
    ssize_t count = nghttp2_session_mem_send(from->session, &bytes);
    if (count < 0) fail("nghttp2 cannot send: %s", nghttp2_strerror((int)count));
    if (count == 0) break;
    append(from, bytes, (size_t)count);
  }
  if (from->wire_have == 0) return false;
  wire_bytes += from->wire_have;
  ssize_t taken = nghttp2_session_mem_recv(to->session, from->wire, from->wire_have);
  if (taken != (ssize_t)from->wire_have) fail("nghttp2 cannot receive: %s", nghttp2_strerror((int)taken));
  from->wire_have = 0;
  return true;
}

// Until one end has nothing to say to what it heard.
static void converse(void) {
  while (hand_over(&client, &server) && hand_over(&server, &client)) {
  }
}

static void exchange_turn(void) {
  size_t field_count = options->is_bare ? 0 : 4;
  nghttp2_data_provider provider = {.source.fd = 0, .read_callback = read_request};
  for (int index = 0; index < options->per_flush; index++) {
    int32_t id =
        nghttp2_submit_request(client.session, NULL, request_fields, field_count, &provider, take_state());
    if (id < 0) fail("nghttp2 opens no stream: %s", nghttp2_strerror(id));
  }
  converse();
}

static void wake_streams(void) {
  for (int index = 0; index < options->streams; index++) nghttp2_session_resume_data(client.session, streams[index]);
}

static void unit_turn(void) {
  frames_left = options->per_flush;
  if (options->is_woken) wake_streams();
  converse();
  while (frames_left > 0) { // a window had ended
    wake_streams();
    converse();
  }
}

static void open_streams(void) {
  nghttp2_data_provider provider = {.source.fd = 0, .read_callback = read_unit};
  for (int index = 0; index < options->streams; index++) {
    streams[index] = nghttp2_submit_request(client.session, NULL, request_fields, 4, &provider, NULL);
    if (streams[index] < 0) fail("nghttp2 opens no stream: %s", nghttp2_strerror(streams[index]));
  }
}

static void make_units(void) {
  unit_count = UNITS_BYTES / unit_bytes;
  if (unit_count > MAXIMUM_UNIT_COUNT) unit_count = MAXIMUM_UNIT_COUNT;
  units = malloc(unit_count * unit_bytes);
  if (units == NULL) fail("there is no memory for %zu units", unit_count);
  for (size_t index = 0; index < unit_count * unit_bytes; index++) units[index] = (uint8_t)(index * 7);
}

// The measured span, in a function of its own so that a profiler can be told of it.
__attribute__((noinline)) static struct span measure(void) {
  int turns = UNITS_PER_CLOCK_READING / options->per_flush + 1;
  struct span span = span_begin(options);
  do {
    for (int index = 0; index < turns; index++) is_exchange() ? exchange_turn() : unit_turn();
  } while (!span_is_over(&span, (long)sent_units));
  return span;
}

void nghttp2_memory(const struct options *given) {
  options = given;
  if (options->streams < 1 || options->streams > MAXIMUM_STREAMS || options->per_flush < 1) {
    fail("give 1 to %d streams, and 1 unit or more in a flush", MAXIMUM_STREAMS);
  }
  const char *kind = options->workload + strlen(MEMORY_PREFIX);
  if (strcmp(kind, "frames") == 0 || strcmp(kind, "messages") == 0) unit_bytes = SMALL_BYTES;
  else if (strcmp(kind, "streams") == 0) unit_bytes = EXCHANGE_BYTES;
  else if (strcmp(kind, "bulk") == 0) unit_bytes = BULK_BYTES;
  else fail("there is no workload %s; choose memory-frames, -messages, -streams or -bulk", options->workload);
  // One frame is cheaper with the copy, and several without it.
  copies_units = unit_bytes == SMALL_BYTES && options->per_flush == 1;
  fill_exchange(exchange);
  make_units();
  end_begin(&client, false);
  end_begin(&server, true);
  converse();
  if (!is_exchange()) open_streams();
  while (sent_units < WARM_UP_UNITS) is_exchange() ? exchange_turn() : unit_turn();
  sent_units = received_bytes = received_frames = wire_bytes = allocation_count = 0;
  struct span span = measure();
  if (received_bytes != sent_units * unit_bytes || received_frames < sent_units) {
    fail("%llu units were sent, but %llu bytes arrived in %llu frames", (unsigned long long)sent_units,
         (unsigned long long)received_bytes, (unsigned long long)received_frames);
  }
  report_memory(&span, sent_units, unit_bytes, allocation_count, wire_bytes);
}
