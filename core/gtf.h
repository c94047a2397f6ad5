/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The one public include: <gtf/gtf.h>.
 */
#pragma once

#include "base/defs.h"
#include "base/error.h"
#include "base/version.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"
#include "tensor/context.h"
#include "tensor/ops.h"
#include "tensor/pictures.h"
#include "tensor/positions.h"
#include "tensor/windows.h"
#include "registry/plugin.h"
#include "layers/detection.h"
#include "layers/text-input.h"
#include "layers/encoder.h"
#include "layers/text-heads.h"
#include "layers/text-weights.h"
#include "layers/vision.h"
#include "layers/pyramid.h"
#include "layers/dense.h"
#include "layers/text-summary.h"
#include "model/model.h"
#include "model/session.h"
#include "text/tokenizer.h"
#include "pipeline/preprocessor.h"
#include "pipeline/task.h"
#include "pipeline/pipeline.h"
#include "pipeline/result.h"
#include "pipeline/transcriber.h"
