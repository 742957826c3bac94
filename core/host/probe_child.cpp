// A probe in a forked child (probe.h).
//
//   parent:  fork -> read the report until end of file or the limit -> kill what is left -> judge
//   child:   probe -> write the report -> _exit
//
// The report crosses the pipe as length-prefixed fields. The reader believes none of them: a broken
// plugin may have written into the child's memory.
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/host/loader.h"
#include "core/host/probe.h"

namespace weft::host {

using Clock = std::chrono::steady_clock;

// ---- the report as bytes

static void put(std::string& out, uint64_t value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

static void put(std::string& out, const std::string& text) {
  put(out, text.size());
  out += text;
}

static std::string encode(const ProbeReport& report) {
  std::string out;
  put(out, uint64_t(report.verdict));
  for (const std::string* text : {&report.why, &report.name, &report.vendor, &report.build})
    put(out, *text);
  put(out, report.path.string());
  put(out, report.abi_major);
  put(out, report.abi_minor);
  put(out, report.devices.size());
  for (const DeviceInfo& device : report.devices) {
    put(out, device.name);
    put(out, device.driver);
    for (const uint64_t value :
         {uint64_t(device.index), uint64_t(device.type), device.memory_total, device.memory_free,
          device.max_buffer, uint64_t(device.buffer_alignment), uint64_t(device.memory_kinds),
          uint64_t(device.queue_count), uint64_t(device.priority_levels)})
      put(out, value);
    for (const uint64_t bits : device.dtypes_compute) put(out, bits);
    out.append(reinterpret_cast<const char*>(device.uuid.data()), device.uuid.size());
  }
  put(out, uint64_t(0x57454654));  // the end: a child that dies while writing is noticed
  return out;
}

struct Reader {
  std::string_view rest;
  bool ok = true;

  std::string_view bytes(uint64_t size) {
    if (size > rest.size()) ok = false;
    if (!ok) return {};
    const std::string_view taken = rest.substr(0, size);
    rest.remove_prefix(size);
    return taken;
  }
  uint64_t number() {
    uint64_t value = 0;
    const std::string_view taken = bytes(sizeof value);
    if (ok) std::memcpy(&value, taken.data(), sizeof value);
    return value;
  }
  std::string text() { return std::string(bytes(number())); }
};

static DeviceInfo read_device(Reader& in) {
  DeviceInfo device;
  device.name = in.text();
  device.driver = in.text();
  device.index = uint32_t(in.number());
  device.type = uint32_t(in.number());
  device.memory_total = in.number();
  device.memory_free = in.number();
  device.max_buffer = in.number();
  device.buffer_alignment = uint32_t(in.number());
  device.memory_kinds = uint32_t(in.number());
  device.queue_count = uint32_t(in.number());
  device.priority_levels = uint32_t(in.number());
  for (uint64_t& bits : device.dtypes_compute) bits = in.number();
  const std::string_view uuid = in.bytes(device.uuid.size());
  if (in.ok) std::memcpy(device.uuid.data(), uuid.data(), uuid.size());
  return device;
}

static bool decode(std::string_view bytes, ProbeReport& report) {
  Reader in{bytes};
  const uint64_t verdict = in.number();
  report.verdict = verdict == 0 ? ProbeVerdict::usable : ProbeVerdict::refused;
  for (std::string* text : {&report.why, &report.name, &report.vendor, &report.build})
    *text = in.text();
  report.path = in.text();
  report.abi_major = uint32_t(in.number());
  report.abi_minor = uint32_t(in.number());
  const uint64_t devices = in.number();
  for (uint64_t i = 0; i < devices && in.ok; ++i) report.devices.push_back(read_device(in));
  return in.number() == 0x57454654 && in.ok && in.rest.empty();
}

// ---- the child

// noexcept: an exception of the plugin must not unwind into the parent's code.
[[noreturn]] static void child(const std::filesystem::path& path, int report_to,
                               int errors_to) noexcept {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);  // what the plugin starts dies with it
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const int nothing = ::open("/dev/null", O_RDWR);
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  if (nothing >= 0) ::dup2(nothing, STDOUT_FILENO);
  ::dup2(errors_to, STDERR_FILENO);
  HostOptions options;
  options.threads = 1;
  options.plain_log = true;
  std::string bytes;
  {
    const ProbeReport report = probe(path, HostServices::create(options));
    bytes = encode(report);
  }
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t written = ::write(report_to, bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno != EINTR) ::_exit(1);
    if (written > 0) at += size_t(written);
  }
  ::_exit(0);  // no destructors of the parent's objects run here
}

// ---- the parent

// A pipe or any other child keeps no end of ours open: both ends close on exec.
struct Pipe {
  int ends[2] = {-1, -1};

  bool open() { return ::pipe2(ends, O_CLOEXEC) == 0; }
  void close(int end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
  ~Pipe() {
    close(0);
    close(1);
  }
};

// More than any honest report or message: the rest is read and dropped, so that no writer blocks.
static constexpr size_t kMostBytes = 1 << 20;

// Appends what is there; false at the end of the pipe.
static bool drain(int from, std::string& to) {
  char buffer[4096];
  const ssize_t got = ::read(from, buffer, sizeof buffer);
  if (got < 0) return errno == EINTR;
  if (to.size() < kMostBytes) to.append(buffer, size_t(got));
  return got > 0;
}

// Reads both pipes until the report's end; false when `limit` passed first.
static bool collect(Pipe& report, Pipe& errors, std::chrono::milliseconds limit,
                    std::string& report_bytes, std::string& error_bytes) {
  const Clock::time_point end = Clock::now() + limit;
  while (report.ends[0] >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) return false;
    pollfd files[2] = {{report.ends[0], POLLIN, 0}, {errors.ends[0], POLLIN, 0}};
    const int ready = ::poll(files, 2, int(std::min<int64_t>(left.count(), 60'000)));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    if (files[1].revents && !drain(errors.ends[0], error_bytes)) errors.close(0);
    if (files[0].revents && !drain(report.ends[0], report_bytes)) report.close(0);
  }
  // What it said last is in the pipe already.
  while (errors.ends[0] >= 0) {
    pollfd file{errors.ends[0], POLLIN, 0};
    if (::poll(&file, 1, 0) <= 0 || !drain(errors.ends[0], error_bytes)) errors.close(0);
  }
  return true;
}

static std::string last_line(const std::string& text) {
  const size_t last = text.find_last_not_of("\r\n ");
  if (last == std::string::npos) return "";
  const size_t begin = text.find_last_of('\n', last);
  const size_t first = begin == std::string::npos ? 0 : begin + 1;
  return "; its last words: " + text.substr(first, std::min<size_t>(last + 1 - first, 200));
}

static std::string how_it_ended(int status) {
  if (WIFSIGNALED(status))
    return "it ended by signal " + std::to_string(WTERMSIG(status)) + " (" +
           ::strsignal(WTERMSIG(status)) + ")";
  return "it ended the process with exit code " + std::to_string(WEXITSTATUS(status));
}

ProbeReport probe_in_child(const std::filesystem::path& path, std::chrono::milliseconds limit) {
  ProbeReport result;
  result.path = path;
  Pipe report, errors;
  if (!report.open() || !errors.open()) {
    result.why = std::string("no pipe to a child process: ") + std::strerror(errno);
    return result;
  }
  std::unique_lock lock = lock_loader();
  const pid_t pid = ::fork();
  lock.unlock();  // in both processes
  if (pid == 0) child(path, report.ends[1], errors.ends[1]);
  if (pid < 0) {
    result.why = std::string("no child process: ") + std::strerror(errno);
    return result;
  }
  ::setpgid(pid, pid);  // whichever of the two is first
  report.close(1);
  errors.close(1);
  std::string report_bytes, error_bytes;
  const bool ended = collect(report, errors, limit, report_bytes, error_bytes);
  // A complete report counts even when the process does not come to its end by itself.
  const bool complete = decode(report_bytes, result);
  // Whatever is left of it; one that has ended keeps the cause of its end, and its number until the
  // wait below.
  ::kill(-pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (complete) return result;
  result = {};
  result.path = path;
  result.verdict = ended ? ProbeVerdict::crashed : ProbeVerdict::hung;
  result.why = ended ? how_it_ended(status)
                     : "it did not answer within " + std::to_string(limit.count()) + " ms";
  result.why += last_line(error_bytes);
  return result;
}

}  // namespace weft::host
