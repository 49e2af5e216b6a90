#include "common/directory/identity.h"

namespace medflyt {

template class DigitCode<8, struct AuthorityIdTag>;
template class DigitCode<4, struct MunicipalityCodeTag>;

}  // namespace medflyt
