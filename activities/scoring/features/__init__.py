"""What models learn from: everything known of a lead as of a moment, as one flat row of named values.

Training and serving call the same function. Nothing that was recorded after the moment changes what it gives.
"""

from activities.scoring.features.computing import features
from activities.scoring.features.known import Deed, Feature, Features, Known, Sign, Usual
from activities.scoring.features.reading import features_of, known_of, moment

__all__ = ["Deed", "Feature", "Features", "Known", "Sign", "Usual", "features", "features_of", "known_of", "moment"]
