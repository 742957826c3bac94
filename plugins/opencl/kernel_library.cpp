// Building and storing the kernels; see kernel_library.h.
#include "plugins/opencl/kernel_library.h"

#include <cstring>

#include "plugins/common/constant_store.h"

namespace weft::opencl {

using common::hash_of;

namespace {

constexpr uint64_t kMagic = 0x4C434C43'54464557;  // "WEFTCLCL"

std::string define(const char* name, int value) { return text(" -D%s=%d", name, value); }

std::string define_weights(const DeviceFacts& facts, const Options& chosen) {
  return define("FORM_F32", int(WeightKind::f32)) + define("FORM_F16", int(WeightKind::f16)) +
         define("FORM_BF16", int(WeightKind::bf16)) + define("FORM_U8", int(WeightKind::u8)) +
         define("FORM_U4", int(WeightKind::u4)) + define("SCALE_F16", int(ScaleKind::f16)) +
         define("ZERO_FIXED", int(ZeroKind::fixed)) + define("ZERO_U8", int(ZeroKind::u8)) +
         define("ZERO_QUOTIENT", int(ZeroKind::quotient)) +
         define("INTEGER_DOT", chosen.dot && facts.integer_dot) + define("HALF", chosen.half) +
         define("FP16", chosen.half && facts.halves);
}

// What the others use.
bool is_prelude(const KernelSource& file) { return !std::strncmp(file.name, "prelude", 7); }

#define UNARY(name) #name,
constexpr const char* kUnary[] = {
#include "plugins/opencl/codes.def"
};
#undef UNARY
#define BINARY(name) #name,
constexpr const char* kBinary[] = {
#include "plugins/opencl/codes.def"
};
#undef BINARY

template <size_t n>
int code_in(const char* const (&names)[n], const std::string& name) {
  for (size_t i = 0; i < n; i++)
    if (name == names[i]) return int(i);
  return -1;
}

template <size_t n>
std::string define_all(const char* prefix, const char* const (&names)[n]) {
  std::string out;
  for (size_t i = 0; i < n; i++) out += define((std::string(prefix) + names[i]).c_str(), int(i));
  return out;
}

}  // namespace

int unary_code(const std::string& name) { return code_in(kUnary, name); }
int binary_code(const std::string& name) { return code_in(kBinary, name); }

struct KernelLibrary::Header {
  uint64_t magic;
  Key key;
  uint64_t sizes[kParts];  // bytes of the binaries after the header
  uint64_t checksum;       // of them together
  uint64_t answers;        // bytes of text after them
  uint64_t reserved;
};

KernelLibrary::KernelLibrary(const DeviceFacts& facts, ClContext context, const Options& chosen,
                             Counters& counters, Tuner& tuner)
    : facts_(facts), counters_(counters), tuner_(tuner), context_(std::move(context)) {
  static_assert(sizeof(Header) == 64 && kKeys == kGroup);
  options_ = "-cl-std=CL1.2" + define("PANEL", kPanel) + define("CHUNK", kChunk) +
             define("SPAN", kSpan) + define("TILE", kTile) + define("DEPTH", kTileDepth) +
             define("GROUP", kGroup) + define("SLICES", kSlices) + define("KEYS", kKeys) +
             define("HEAD", kHead) + define("WIDTH", width_of(chosen.tiled)) +
             define_all("UNARY_", kUnary) + define_all("BINARY_", kBinary) +
             define_weights(facts, chosen);
  if (facts.exact_division) options_ += " -cl-fp32-correctly-rounded-divide-sqrt";
  gather_sources(chosen.tiled ? "tiled" : "vector");
  const std::string identity = facts.name + "\n" + facts.driver + "\n" + options_ + "\n" +
                               std::to_string(chosen.variant) + "\n" + halves_[kCommon].source +
                               "\n" + halves_[kRare].source;
  key_ = hash_of(identity.data(), identity.size());
}

void KernelLibrary::gather_sources(const char* family) {
  // What the others use comes first.
  for (bool prelude : {true, false})
    for (size_t i = 0; i < kKernelSourceCount; i++) {
      const KernelSource& file = kKernelSources[i];
      if (prelude != is_prelude(file)) continue;
      const bool shared = !std::strcmp(file.family, "any");
      if (shared || !std::strcmp(file.family, family)) halves_[kCommon].source += file.text;
      if ((shared && prelude) || !std::strcmp(file.family, "rare"))
        halves_[kRare].source += file.text;
    }
}

std::string KernelLibrary::key_text() const {
  return text("%016llx%016llx", static_cast<unsigned long long>(key_[0]),
              static_cast<unsigned long long>(key_[1]));
}

std::string KernelLibrary::log_of(cl_program program) const {
  std::string log(4096, '\0');
  if (clGetProgramBuildInfo(program, facts_.id, CL_PROGRAM_BUILD_LOG, log.size() - 1, log.data(),
                            nullptr) != CL_SUCCESS)
    return "";
  return log.c_str();
}

void KernelLibrary::count_build() {
  counters_.programs++;
  if (counters_.runs) counters_.programs_late++;
}

void KernelLibrary::build_from_source(Half& half) {
  count_build();
  const char* lines = half.source.c_str();
  cl_int code = CL_SUCCESS;
  ClProgram program(clCreateProgramWithSource(context_.get(), 1, &lines, nullptr, &code));
  check(code, "clCreateProgramWithSource");
  code = clBuildProgram(program.get(), 1, &facts_.id, options_.c_str(), nullptr, nullptr);
  if (code != CL_SUCCESS)
    throw Failure(WEFT_E_INTERNAL,
                  text("the kernels do not build on %s: %s %s", facts_.name.c_str(),
                       error_name(code).c_str(), log_of(program.get()).c_str()));
  // A driver that compiles a kernel when it is first enqueued compiles it here instead, because
  // execution never compiles.
  size_t size = 0;
  check(clGetProgramInfo(program.get(), CL_PROGRAM_BINARY_SIZES, sizeof size, &size, nullptr),
        "clGetProgramInfo");
  half.binary.resize(size);
  unsigned char* to = half.binary.data();
  check(clGetProgramInfo(program.get(), CL_PROGRAM_BINARIES, sizeof to, &to, nullptr),
        "clGetProgramInfo");
  half.program = std::move(program);
}

void KernelLibrary::build_from_binary(Half& half, const unsigned char* binary, size_t size) {
  count_build();
  cl_int code = CL_SUCCESS, loaded = CL_SUCCESS;
  ClProgram program(
      clCreateProgramWithBinary(context_.get(), 1, &facts_.id, &size, &binary, &loaded, &code));
  if (code == CL_SUCCESS) code = loaded;
  if (code == CL_SUCCESS)
    code = clBuildProgram(program.get(), 1, &facts_.id, options_.c_str(), nullptr, nullptr);
  if (code != CL_SUCCESS)
    throw Failure(WEFT_E_STALE_BLOB,
                  "the driver does not take the stored kernels: " + error_name(code));
  half.program = std::move(program);
}

void KernelLibrary::read_blob(const void* blob, uint64_t size) {
  Header header;
  if (judge(blob, size) != WEFT_BLOB_OPTIMAL)
    throw Failure(WEFT_E_STALE_BLOB, "the blob was written for another device, driver or version");
  std::memcpy(&header, blob, sizeof header);
  const uint64_t payload = size - sizeof header;
  uint64_t left = payload;
  for (const uint64_t size_of : {header.sizes[kCommon], header.sizes[kRare], header.answers})
    left = size_of > left ? UINT64_MAX : left - size_of;
  if (left != 0) throw Failure(WEFT_E_STALE_BLOB, "the blob is not as long as its header says");
  const auto* binary = static_cast<const unsigned char*>(blob) + sizeof header;
  if (hash_of(binary, payload)[0] != header.checksum)
    throw Failure(WEFT_E_STALE_BLOB, "the blob's bytes are not those that were written");
  for (const Part part : {kCommon, kRare}) {
    if (header.sizes[part] && !halves_[part].program)
      build_from_binary(halves_[part], binary, header.sizes[part]);
    binary += header.sizes[part];
  }
  tuner_.read(std::string(reinterpret_cast<const char*>(binary), header.answers));
}

void KernelLibrary::ensure(const void* blob, uint64_t blob_size) {
  const std::lock_guard lock(mutex_);
  if (blob) read_blob(blob, blob_size);
  if (!halves_[kCommon].program) build_from_source(halves_[kCommon]);
}

ClKernel KernelLibrary::kernel(const std::string& name) {
  const std::lock_guard lock(mutex_);
  // Rare kernels are spelled out in their sources, so the driver need not be asked in vain.
  const bool is_rare = halves_[kRare].source.find("void " + name + "(") != std::string::npos;
  Half& half = halves_[is_rare ? kRare : kCommon];
  if (!half.program) build_from_source(half);
  cl_int code = CL_SUCCESS;
  ClKernel kernel(clCreateKernel(half.program.get(), name.c_str(), &code));
  if (code != CL_SUCCESS)
    throw Failure(WEFT_E_INTERNAL, "kernel " + name + ": " + error_name(code));
  return kernel;
}

void KernelLibrary::save(const weft_writer& writer) {
  const std::lock_guard lock(mutex_);
  std::vector<unsigned char> payload;
  const std::string answers = tuner_.text();
  Header header = {kMagic, key_, {}, 0, answers.size(), 0};
  for (const Part part : {kCommon, kRare}) {
    std::vector<unsigned char>& binary = halves_[part].binary;
    header.sizes[part] = binary.size();
    payload.insert(payload.end(), binary.begin(), binary.end());
  }
  payload.insert(payload.end(), answers.begin(), answers.end());
  header.checksum = hash_of(payload.data(), payload.size())[0];
  weft_status status = writer.write(writer.ctx, &header, sizeof header);
  if (status >= 0 && !payload.empty())
    status = writer.write(writer.ctx, payload.data(), payload.size());
  if (status < 0) throw Failure(status, "the host's writer refused the blob");
  for (Half& half : halves_) half.binary = {};
}

uint32_t KernelLibrary::judge(const void* head, uint64_t size) const {
  Header header;
  if (!head || size < sizeof header) return WEFT_BLOB_FOREIGN;
  std::memcpy(&header, head, sizeof header);
  if (header.magic != kMagic) return WEFT_BLOB_FOREIGN;
  return header.key == key_ ? WEFT_BLOB_OPTIMAL : WEFT_BLOB_STALE;
}

}  // namespace weft::opencl
