// SHA-256 (FIPS 180-4), by which a model's card knows its booster. Internal to server/predict.
#ifndef TWIN_SERVER_PREDICT_SHA256_H_
#define TWIN_SERVER_PREDICT_SHA256_H_

#include <string>

#include "absl/strings/string_view.h"

namespace twin::predict {

// 64 lower-case hexadecimal digits. Cost: some 150 MB a second.
std::string Sha256(absl::string_view bytes);

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_SHA256_H_
