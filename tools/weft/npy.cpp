#include "tools/weft/npy.h"

#include <cerrno>
#include <cstring>
#include <string>

namespace weft::cli {

Error NpyWriter::failed() const {
  return Error{"cannot write " + path_.string() + ": " + std::strerror(errno), ErrorKind::usage};
}

Result<NpyWriter> NpyWriter::create(const std::filesystem::path& path, int64_t rows,
                                    int64_t columns) {
  NpyWriter out;
  out.path_ = path;
  out.partial_ = path.string() + ".partial";
  out.file_.reset(std::fopen(out.partial_.c_str(), "wb"));
  if (!out.file_) return out.failed();
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       std::to_string(rows) + ", " + std::to_string(columns) + "), }";
  // Magic, version and header together end on a multiple of 64 bytes.
  constexpr size_t kPrefix = 10;
  header.append(63 - (kPrefix + header.size()) % 64, ' ');
  header += '\n';
  const char prefix[kPrefix] = {
      '\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, char(header.size() & 0xff), char(header.size() >> 8)};
  const bool written =
      std::fwrite(prefix, 1, kPrefix, out.file_.get()) == kPrefix &&
      std::fwrite(header.data(), 1, header.size(), out.file_.get()) == header.size();
  if (!written) return out.failed();
  return out;
}

Status NpyWriter::write(std::span<const float> values) {
  if (std::fwrite(values.data(), sizeof(float), values.size(), file_.get()) == values.size())
    return {};
  return failed();
}

Status NpyWriter::finish() {
  if (std::fclose(file_.release()) != 0) return failed();
  std::error_code error;
  std::filesystem::rename(partial_, path_, error);
  partial_.clear();
  if (error)
    return Error{"cannot write " + path_.string() + ": " + error.message(), ErrorKind::usage};
  return {};
}

NpyWriter::~NpyWriter() {
  std::error_code ignored;
  if (!partial_.empty()) std::filesystem::remove(partial_, ignored);
}

}  // namespace weft::cli
