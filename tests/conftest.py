"""What several parts of the tests share."""

import os
import sys
from pathlib import Path

# CDK's own validation is half of every synthesis; `make synth` is the gate that runs it.
os.environ.setdefault("CDK_VALIDATION", "false")
# For `import synthesis`; at the end, so that nothing here hides a package of the project.
sys.path.append(str(Path(__file__).parent))
