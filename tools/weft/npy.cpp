#include "tools/weft/npy.h"

#include <string>

namespace weft::cli {

Result<NpyWriter> NpyWriter::create(const std::filesystem::path& path, int64_t rows,
                                    int64_t columns) {
  NewFile file = TRY(NewFile::create(path, ErrorKind::usage));
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       std::to_string(rows) + ", " + std::to_string(columns) + "), }";
  // Magic, version and header together end on a multiple of 64 bytes.
  constexpr size_t kPrefix = 10;
  header.append(63 - (kPrefix + header.size()) % 64, ' ');
  header += '\n';
  const char prefix[kPrefix] = {
      '\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, char(header.size() & 0xff), char(header.size() >> 8)};
  TRY(file.write(std::string_view(prefix, kPrefix)));
  TRY(file.write(header));
  return NpyWriter(std::move(file));
}

}  // namespace weft::cli
