#include "actors/engine.hpp"

#include <nlohmann/json.hpp>

namespace podstudio {

result<std::unique_ptr<engine>> engine::start(engine_options) {
  return error{error_code::internal, "this build has no engine"};
}

}  // namespace podstudio
