// One end of the link: a network namespace with a TUN device in it. Nothing of either outlives the processes in it.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "linktun.h"

#define DEVICE "link0"
// So long that a busy machine drops no packet before this program reads it; the link's own queue is what drops.
enum { DEVICE_QUEUE_PACKETS = 10000 };

void unavailable(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("unavailable: ", stderr);
  vfprintf(stderr, format, arguments);
  fputs("\n", stderr);
  va_end(arguments);
  exit(EXIT_UNAVAILABLE);
}

static bool write_file(const char *path, const char *text) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  bool is_written = write(file, text, strlen(text)) == (ssize_t)strlen(text);
  int error = errno;
  close(file);
  errno = error;
  return is_written;
}

void endpoint_gain_rights(void) {
  if (geteuid() == 0) return;
  char user[64], group[64];
  snprintf(user, sizeof user, "%u %u 1", geteuid(), geteuid());
  snprintf(group, sizeof group, "%u %u 1", getegid(), getegid());
  if (unshare(CLONE_NEWUSER) != 0 || !write_file("/proc/self/setgroups", "deny") ||
      !write_file("/proc/self/uid_map", user) || !write_file("/proc/self/gid_map", group)) {
    unavailable("no right to make a user namespace (%s); run as root", strerror(errno));
  }
}

static void set_address(int control, struct ifreq *request, unsigned long command, const char *address) {
  struct sockaddr_in *place = (struct sockaddr_in *)&request->ifr_addr;
  memset(place, 0, sizeof *place);
  place->sin_family = AF_INET;
  inet_pton(AF_INET, address, &place->sin_addr);
  if (ioctl(control, command, request) != 0) unavailable("cannot give the TUN device an address: %s", strerror(errno));
}

static void raise_device(int control, const char *name) {
  struct ifreq request = {0};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(control, SIOCGIFFLAGS, &request) == 0) {
    request.ifr_flags |= IFF_UP;
    if (ioctl(control, SIOCSIFFLAGS, &request) == 0) return;
  }
  unavailable("cannot start the device %s: %s", name, strerror(errno));
}

static int open_device(const char *address) {
  int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0) unavailable("cannot open /dev/net/tun (%s); run as root, where the kernel has TUN devices", strerror(errno));
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strncpy(request.ifr_name, DEVICE, IFNAMSIZ - 1);
  if (ioctl(device, TUNSETIFF, &request) != 0) unavailable("cannot make a TUN device (%s); run as root", strerror(errno));
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) unavailable("cannot open a socket: %s", strerror(errno));
  set_address(control, &request, SIOCSIFADDR, address);
  set_address(control, &request, SIOCSIFNETMASK, "255.255.255.0");
  request.ifr_mtu = MAXIMUM_PACKET_BYTES;
  if (ioctl(control, SIOCSIFMTU, &request) != 0) unavailable("cannot set the device's MTU: %s", strerror(errno));
  request.ifr_qlen = DEVICE_QUEUE_PACKETS;
  // Only the machine's root may; others keep the kernel's 500, and what that drops is counted.
  (void)ioctl(control, SIOCSIFTXQLEN, &request);
  raise_device(control, DEVICE);
  raise_device(control, "lo");
  close(control);
  return device;
}

// Appends an attribute to a message that has room for it.
static void append(struct nlmsghdr *message, unsigned short type, const void *value, size_t length) {
  struct rtattr *attribute = (struct rtattr *)((char *)message + NLMSG_ALIGN(message->nlmsg_len));
  attribute->rta_type = type;
  attribute->rta_len = (unsigned short)RTA_LENGTH(length);
  memcpy(RTA_DATA(attribute), value, length);
  message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len) + (unsigned)RTA_SPACE(length);
}

// Replaces the device's route by one that says which congestion control its connections use.
static bool set_congestion_by_route(const char *address, const char *name) {
  struct {
    struct nlmsghdr header;
    struct rtmsg route;
    char attributes[256];
  } request = {
      .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)), .nlmsg_type = RTM_NEWROUTE,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE},
      .route = {.rtm_family = AF_INET, .rtm_dst_len = 24, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_KERNEL,
                .rtm_scope = RT_SCOPE_LINK, .rtm_type = RTN_UNICAST},
  };
  struct in_addr network, source;
  inet_pton(AF_INET, "10.99.0.0", &network);
  inet_pton(AF_INET, address, &source);
  unsigned device = if_nametoindex(DEVICE);
  struct {
    struct rtattr attribute;
    char name[16];
  } metric = {.attribute = {.rta_type = RTAX_CC_ALGO, .rta_len = (unsigned short)RTA_LENGTH(strlen(name))}};
  if (strlen(name) >= sizeof metric.name) return false;
  strcpy(metric.name, name);
  append(&request.header, RTA_DST, &network, sizeof network);
  append(&request.header, RTA_PREFSRC, &source, sizeof source);
  append(&request.header, RTA_OIF, &device, sizeof device);
  append(&request.header, RTA_METRICS, &metric, metric.attribute.rta_len);
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
    char rest[512];
  } answer;
  int control = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  bool is_answered = control >= 0 && send(control, &request, request.header.nlmsg_len, 0) >= 0 &&
                     recv(control, &answer, sizeof answer, 0) >= (ssize_t)sizeof answer.header;
  if (control >= 0) close(control);
  return is_answered && answer.header.nlmsg_type == NLMSG_ERROR && answer.error.error == 0;
}

// The namespace's default where the kernel lets it be set, and else, as for cubic where the machine's own default is another, the route.
static void set_congestion(const char *address, const char *name) {
  if (write_file("/proc/sys/net/ipv4/tcp_congestion_control", name)) return;
  int error = errno;
  if (set_congestion_by_route(address, name)) return;
  char offered[256] = "";
  int file = open("/proc/sys/net/ipv4/tcp_available_congestion_control", O_RDONLY | O_CLOEXEC);
  if (file >= 0 && read(file, offered, sizeof offered - 1) < 0) offered[0] = '\0';
  if (file >= 0) close(file);
  offered[strcspn(offered, "\n")] = '\0';
  unavailable("congestion control %s: %s; this kernel offers: %s", name, strerror(error), offered);
}

static void set_buffers(unsigned long bytes) {
  char receiving[64], sending[64];
  snprintf(receiving, sizeof receiving, "4096 131072 %lu", bytes);
  snprintf(sending, sizeof sending, "4096 16384 %lu", bytes);
  if (!write_file("/proc/sys/net/ipv4/tcp_rmem", receiving) || !write_file("/proc/sys/net/ipv4/tcp_wmem", sending)) {
    unavailable("cannot set TCP's buffers: %s", strerror(errno));
  }
}

void endpoint_open(struct endpoint *endpoint, const char *address, const struct settings *settings) {
  if (unshare(CLONE_NEWNET) != 0) unavailable("no right to make a network namespace (%s); run as root", strerror(errno));
  endpoint->namespace_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (endpoint->namespace_fd < 0) unavailable("cannot open the network namespace: %s", strerror(errno));
  // Neighbour discovery would take draws from the seed. Kernels without IPv6 have no such file.
  write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
  write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
  // What one connection learnt of the link must not decide how the next one begins.
  write_file("/proc/sys/net/ipv4/tcp_no_metrics_save", "1");
  endpoint->tun_fd = open_device(address);
  if (settings->congestion != NULL) set_congestion(address, settings->congestion);
  if (settings->tcp_buffer_bytes > 0) set_buffers(settings->tcp_buffer_bytes);
}

void endpoint_enter(const struct endpoint *endpoint) {
  if (setns(endpoint->namespace_fd, CLONE_NEWNET) == 0) return;
  unavailable("cannot enter the network namespace: %s", strerror(errno));
}

static bool table_listens(const char *path, int port) {
  FILE *table = fopen(path, "re");
  if (table == NULL) return false;
  char line[512];
  bool is_found = false;
  while (!is_found && fgets(line, sizeof line, table) != NULL) {
    unsigned local_port, state;
    // The slot, the local and the remote address with their ports, and the state, in which 10 is LISTEN.
    bool is_entry = sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x", &local_port, &state) == 2;
    is_found = is_entry && state == 10 && local_port == (unsigned)port;
  }
  fclose(table);
  return is_found;
}

bool endpoint_listens(int port) {
  return table_listens("/proc/self/net/tcp", port) || table_listens("/proc/self/net/tcp6", port);
}

uint64_t endpoint_device_drops(void) {
  FILE *table = fopen("/proc/self/net/dev", "re");
  if (table == NULL) return 0;
  char line[512];
  unsigned long long received = 0, sent = 0;
  while (fgets(line, sizeof line, table) != NULL) {
    char *name = strstr(line, DEVICE ":");
    if (name == NULL) continue;
    // bytes packets errs drop fifo frame compressed multicast, for receiving and then for sending.
    sscanf(name + strlen(DEVICE ":"), "%*u %*u %*u %llu %*u %*u %*u %*u %*u %*u %*u %llu", &received, &sent);
  }
  fclose(table);
  return received + sent;
}
