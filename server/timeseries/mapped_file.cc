#include "server/timeseries/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace twin::timeseries {

std::unique_ptr<MappedFile> MappedFile::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return nullptr;
  struct stat info {};
  void* mapped = MAP_FAILED;
  if (fstat(fd, &info) == 0 && info.st_size > 0) {
    mapped = mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_SHARED, fd, 0);
  }
  close(fd);  // what is mapped stays
  if (mapped == MAP_FAILED) return nullptr;
  return std::unique_ptr<MappedFile>(new MappedFile(
      absl::string_view(static_cast<const char*>(mapped), static_cast<size_t>(info.st_size))));
}

MappedFile::~MappedFile() {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): it takes any pointer
  munmap(const_cast<char*>(bytes_.data()), bytes_.size());
}

}  // namespace twin::timeseries
