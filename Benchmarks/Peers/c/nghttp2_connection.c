#include "nghttp2_connection.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define FIELD(name, value)                                                                                   \
  {(uint8_t *)name, (uint8_t *)value, sizeof(name) - 1, sizeof(value) - 1,                                   \
   NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE}

const nghttp2_nv request_fields[4] = {
    FIELD(":method", "POST"),
    FIELD(":scheme", "http"),
    FIELD(":authority", "peer"),
    FIELD(":path", "/"),
};
const nghttp2_nv response_fields[1] = {FIELD(":status", "200")};

// As much in a frame as the other end and the windows allow.
static ssize_t read_length(nghttp2_session *session, uint8_t type, int32_t stream, int32_t session_window,
                           int32_t stream_window, uint32_t remote_frame_limit, void *user) {
  (void)session, (void)type, (void)stream;
  const struct connection *connection = user;
  int64_t length = remote_frame_limit;
  if (length > (int64_t)connection->frame_limit) length = (int64_t)connection->frame_limit;
  if (length > session_window) length = session_window;
  if (length > stream_window) length = stream_window;
  return (ssize_t)length;
}

static int send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *header, size_t length,
                     nghttp2_data_source *source, void *user) {
  (void)session, (void)frame;
  struct connection *connection = user;
  if (!connection_has_room(connection)) return NGHTTP2_ERR_WOULDBLOCK;
  const uint8_t **payload = source->ptr; // a stream's first field is where its bulk bytes lie
  connection_append(connection, header, 9, true);
  connection_append(connection, *payload, length, false);
  *payload += length;
  return 0;
}

nghttp2_session_callbacks *connection_callbacks(void) {
  nghttp2_session_callbacks *callbacks;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, read_length);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
  return callbacks;
}

void connection_begin(struct connection *connection, const struct options *options) {
  nghttp2_settings_entry entries[2];
  size_t count = 0;
  connection->frame_limit = options->frame > 0 ? (size_t)options->frame : 16384;
  if (options->window > 0) {
    entries[count++] =
        (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)options->window};
  }
  if (options->frame > 0) {
    entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_FRAME_SIZE, (uint32_t)options->frame};
  }
  if (nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, entries, count) != 0) {
    fail("nghttp2 refuses the settings; give a window and a frame that HTTP/2 allows");
  }
  if (options->window > 0) {
    nghttp2_session_set_local_window_size(connection->session, NGHTTP2_FLAG_NONE, 0, (int32_t)options->window);
  }
}

bool connection_has_room(const struct connection *connection) {
  return connection->piece_count + 2 <= PIECE_LIMIT && connection->piece_bytes < TURN_BYTES &&
         connection->copied + COPY_RESERVE <= COPY_ROOM;
}

void connection_append(struct connection *connection, const void *bytes, size_t count, bool copies) {
  if (count == 0) return;
  if (copies) {
    if (connection->copied + count > COPY_ROOM) fail("nghttp2 made a frame of %zu bytes; ask for a smaller one", count);
    bytes = memcpy(connection->copies + connection->copied, bytes, count);
    connection->copied += count;
  }
  connection->piece_bytes += count;
  struct iovec *last = connection->piece_count > 0 ? &connection->pieces[connection->piece_count - 1] : NULL;
  if (last != NULL && (const uint8_t *)last->iov_base + last->iov_len == bytes) {
    last->iov_len += count;
    return;
  }
  connection->pieces[connection->piece_count++] = (struct iovec){(void *)bytes, count};
}

// One gathered write. False when the connection is gone.
static bool write_pieces(struct connection *connection) {
  if (connection->piece_bytes == 0) return true;
  ssize_t written = writev(connection->descriptor, connection->pieces, connection->piece_count);
  if (written < 0) return errno == EAGAIN || errno == EINTR;
  size_t left = (size_t)written;
  int done = 0;
  while (done < connection->piece_count && left >= connection->pieces[done].iov_len) {
    left -= connection->pieces[done++].iov_len;
  }
  connection->piece_count -= done;
  memmove(connection->pieces, connection->pieces + done, (size_t)connection->piece_count * sizeof *connection->pieces);
  if (connection->piece_count > 0) {
    connection->pieces[0].iov_base = (uint8_t *)connection->pieces[0].iov_base + left;
    connection->pieces[0].iov_len -= left;
  }
  connection->piece_bytes -= (size_t)written;
  if (connection->piece_bytes == 0) connection->copied = 0;
  return true;
}

bool connection_send(struct connection *connection) {
  while (connection_has_room(connection)) {
    const uint8_t *bytes;
    ssize_t count = nghttp2_session_mem_send(connection->session, &bytes);
    if (count < 0) fail("nghttp2 cannot send: %s", nghttp2_strerror((int)count));
    if (count == 0) break;
    connection_append(connection, bytes, (size_t)count, true);
  }
  return write_pieces(connection);
}

bool connection_receive(struct connection *connection) {
  ssize_t count = read(connection->descriptor, connection->read_room, READ_BYTES);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return false;
  ssize_t taken = nghttp2_session_mem_recv(connection->session, connection->read_room, (size_t)count);
  if (taken < 0) fail("nghttp2 cannot receive: %s", nghttp2_strerror((int)taken));
  return true;
}

short connection_interest(const struct connection *connection) {
  bool has_more = connection->piece_bytes > 0 || nghttp2_session_want_write(connection->session);
  return (short)(POLLIN | (has_more ? POLLOUT : 0));
}
