// The kernels of a device: a program of what every decoder needs, built at the first compile, and
// one of what few graphs need, built when a kernel of it is first asked for.
//
//   kernels/any      what every device runs
//   kernels/rare     what every device runs, in the second program
//   kernels/vector   family cpu: no barriers, wide vectors, a work-item does a whole block
//   kernels/tiled    family gpu: work-groups that tile through local memory
//
// Both families define the same kernel names. No more than two programs, because drivers pay a good
// part of a build per program, and not one, because they pay the rest per kernel. They are built
// from the binaries a blob carries, or from source.
//
//   blob   Header {magic, key, sizes, checksum}, 64 bytes | the drivers' binaries, each or nothing
//          | what the tuner chose, as text
//
// The key hashes device, driver, options and sources; whether variants were forced too, because
// such a blob has no answers. Every island could build the same programs,
// so a binary travels with the first island that is saved after it was built, and the others carry
// the header alone.
#pragma once

#include <array>
#include <mutex>
#include <string>
#include <vector>

#include "plugins/opencl/cl_handle.h"
#include "plugins/opencl/counters.h"
#include "plugins/opencl/options.h"
#include "plugins/opencl/tuner.h"

namespace weft::opencl {

struct KernelSource {
  const char* family;
  const char* name;
  const char* text;
};
extern const KernelSource kKernelSources[];
extern const size_t kKernelSourceCount;

// Numbers that kernels and their callers share; build options define them for the kernels.
constexpr int kPanel = 16;      // PANEL: columns of a packed weight that lie together
constexpr int kChunk = 64;      // CHUNK: most rows of a work-item of the vector family
constexpr int kSpan = 256;      // SPAN: k that it decodes at once
constexpr int kTile = 64;       // TILE: rows and columns of a block of matmul_dot
constexpr int kTileDepth = 32;  // DEPTH: k of a block of the tiled family at a time
constexpr int kGroup = 64;      // GROUP: work-items that share a row in the tiled family
constexpr int kSlices = 8;      // SLICES: parts of k that share a column in the tiled family
constexpr int kKeys = 64;       // KEYS: of a block of attention; as many as GROUP
constexpr int kHead = 512;      // HEAD: elements of the largest head that is attended
constexpr int kLanes = 16;      // queries that the vector family attends at a time
// WIDTH: elements that a work-item of kernels/any takes at once.
constexpr int width_of(bool tiled) { return tiled ? 4 : 16; }
// The number of an elementwise op by its name in codes.def; -1: it is not there. Kernels know it as
// UNARY_Neg and so on.
int unary_code(const std::string& name);
int binary_code(const std::string& name);

// How a packed weight keeps its elements (FORM_F32 and so on), its scales (SCALE_F32, SCALE_F16)
// and its zero points (ZERO_FIXED, ZERO_U8, ZERO_QUOTIENT, ZERO_F32).
enum class WeightKind : int { f32, f16, bf16, u8, u4 };
enum class ScaleKind : int { f32, f16 };
enum class ZeroKind : int { fixed, u8, quotient, f32 };

class KernelLibrary {
 public:
  // `facts`, `counters` and `tuner`, whose answers travel with the kernels, outlive the library.
  KernelLibrary(const DeviceFacts& facts, ClContext context, const Options& chosen,
                Counters& counters, Tuner& tuner);

  // Builds unless that has been done. With a blob: WEFT_E_STALE_BLOB unless it is for exactly this
  // library and whole.
  void ensure(const void* blob, uint64_t blob_size);
  // A new kernel object, for one caller: arguments belong to the object.
  ClKernel kernel(const std::string& name);
  void save(const weft_writer& writer);
  // WEFT_BLOB_*, from the first bytes.
  uint32_t judge(const void* head, uint64_t size) const;
  // Identity of what is built: 32 hexadecimal digits.
  std::string key_text() const;

 private:
  using Key = std::array<uint64_t, 2>;
  struct Header;
  enum Part : size_t { kCommon, kRare, kParts };
  // Sources and what became of them.
  struct Half {
    std::string source;
    ClProgram program;
    std::vector<unsigned char> binary;  // what is still to be saved
  };
  void gather_sources(const char* family);
  void build_from_source(Half& half);
  void build_from_binary(Half& half, const unsigned char* binary, size_t size);
  void read_blob(const void* blob, uint64_t size);
  std::string log_of(cl_program program) const;

  void count_build();

  const DeviceFacts& facts_;
  Counters& counters_;
  Tuner& tuner_;
  ClContext context_;
  std::string options_;
  Key key_{};
  std::mutex mutex_;  // guards the halves
  Half halves_[kParts];
};

}  // namespace weft::opencl
