package traffic

import "github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"

// The cities that public clouds have their regions in or near.
var (
	abudhabi      = v1alpha1.Coordinates{Latitude: 24.45, Longitude: 54.38}
	amsterdam     = v1alpha1.Coordinates{Latitude: 52.37, Longitude: 4.9}
	ashburn       = v1alpha1.Coordinates{Latitude: 39.04, Longitude: -77.49}
	auckland      = v1alpha1.Coordinates{Latitude: -36.85, Longitude: 174.76}
	bahrain       = v1alpha1.Coordinates{Latitude: 26.23, Longitude: 50.59}
	bangkok       = v1alpha1.Coordinates{Latitude: 13.76, Longitude: 100.5}
	beijing       = v1alpha1.Coordinates{Latitude: 39.9, Longitude: 116.41}
	berlin        = v1alpha1.Coordinates{Latitude: 52.52, Longitude: 13.4}
	boardman      = v1alpha1.Coordinates{Latitude: 45.84, Longitude: -119.7}
	boydton       = v1alpha1.Coordinates{Latitude: 36.67, Longitude: -78.39}
	brussels      = v1alpha1.Coordinates{Latitude: 50.85, Longitude: 4.35}
	busan         = v1alpha1.Coordinates{Latitude: 35.18, Longitude: 129.08}
	calgary       = v1alpha1.Coordinates{Latitude: 51.05, Longitude: -114.07}
	campinas      = v1alpha1.Coordinates{Latitude: -22.91, Longitude: -47.06}
	canberra      = v1alpha1.Coordinates{Latitude: -35.28, Longitude: 149.13}
	capetown      = v1alpha1.Coordinates{Latitude: -33.92, Longitude: 18.42}
	cardiff       = v1alpha1.Coordinates{Latitude: 51.48, Longitude: -3.18}
	changhua      = v1alpha1.Coordinates{Latitude: 24.08, Longitude: 120.54}
	chennai       = v1alpha1.Coordinates{Latitude: 13.08, Longitude: 80.27}
	cheyenne      = v1alpha1.Coordinates{Latitude: 41.14, Longitude: -104.82}
	chicago       = v1alpha1.Coordinates{Latitude: 41.88, Longitude: -87.63}
	columbus      = v1alpha1.Coordinates{Latitude: 39.96, Longitude: -83}
	copenhagen    = v1alpha1.Coordinates{Latitude: 55.68, Longitude: 12.57}
	councilbluffs = v1alpha1.Coordinates{Latitude: 41.26, Longitude: -95.86}
	dallas        = v1alpha1.Coordinates{Latitude: 32.78, Longitude: -96.8}
	dalles        = v1alpha1.Coordinates{Latitude: 45.59, Longitude: -121.18}
	dammam        = v1alpha1.Coordinates{Latitude: 26.43, Longitude: 50.1}
	delhi         = v1alpha1.Coordinates{Latitude: 28.61, Longitude: 77.21}
	desmoines     = v1alpha1.Coordinates{Latitude: 41.59, Longitude: -93.62}
	doha          = v1alpha1.Coordinates{Latitude: 25.29, Longitude: 51.53}
	dubai         = v1alpha1.Coordinates{Latitude: 25.2, Longitude: 55.27}
	dublin        = v1alpha1.Coordinates{Latitude: 53.35, Longitude: -6.26}
	eemshaven     = v1alpha1.Coordinates{Latitude: 53.44, Longitude: 6.83}
	frankfurt     = v1alpha1.Coordinates{Latitude: 50.11, Longitude: 8.68}
	gavle         = v1alpha1.Coordinates{Latitude: 60.67, Longitude: 17.14}
	geneva        = v1alpha1.Coordinates{Latitude: 46.2, Longitude: 6.14}
	hamina        = v1alpha1.Coordinates{Latitude: 60.57, Longitude: 27.2}
	hongkong      = v1alpha1.Coordinates{Latitude: 22.32, Longitude: 114.17}
	hyderabad     = v1alpha1.Coordinates{Latitude: 17.39, Longitude: 78.49}
	jakarta       = v1alpha1.Coordinates{Latitude: -6.21, Longitude: 106.85}
	johannesburg  = v1alpha1.Coordinates{Latitude: -26.2, Longitude: 28.05}
	kualalumpur   = v1alpha1.Coordinates{Latitude: 3.14, Longitude: 101.69}
	lasvegas      = v1alpha1.Coordinates{Latitude: 36.17, Longitude: -115.14}
	london        = v1alpha1.Coordinates{Latitude: 51.51, Longitude: -0.13}
	losangeles    = v1alpha1.Coordinates{Latitude: 34.05, Longitude: -118.24}
	madrid        = v1alpha1.Coordinates{Latitude: 40.42, Longitude: -3.7}
	marseille     = v1alpha1.Coordinates{Latitude: 43.3, Longitude: 5.37}
	melbourne     = v1alpha1.Coordinates{Latitude: -37.81, Longitude: 144.96}
	milan         = v1alpha1.Coordinates{Latitude: 45.46, Longitude: 9.19}
	moncks        = v1alpha1.Coordinates{Latitude: 33.2, Longitude: -80.01}
	montreal      = v1alpha1.Coordinates{Latitude: 45.5, Longitude: -73.57}
	mumbai        = v1alpha1.Coordinates{Latitude: 19.08, Longitude: 72.88}
	ningxia       = v1alpha1.Coordinates{Latitude: 37.51, Longitude: 105.19}
	osaka         = v1alpha1.Coordinates{Latitude: 34.69, Longitude: 135.5}
	oslo          = v1alpha1.Coordinates{Latitude: 59.91, Longitude: 10.75}
	paris         = v1alpha1.Coordinates{Latitude: 48.86, Longitude: 2.35}
	phoenix       = v1alpha1.Coordinates{Latitude: 33.45, Longitude: -112.07}
	potsdam       = v1alpha1.Coordinates{Latitude: 52.39, Longitude: 13.06}
	pune          = v1alpha1.Coordinates{Latitude: 18.52, Longitude: 73.86}
	quebec        = v1alpha1.Coordinates{Latitude: 46.81, Longitude: -71.21}
	queretaro     = v1alpha1.Coordinates{Latitude: 20.59, Longitude: -100.39}
	quincy        = v1alpha1.Coordinates{Latitude: 47.23, Longitude: -119.85}
	rio           = v1alpha1.Coordinates{Latitude: -22.91, Longitude: -43.17}
	saltlake      = v1alpha1.Coordinates{Latitude: 40.76, Longitude: -111.89}
	sanantonio    = v1alpha1.Coordinates{Latitude: 29.42, Longitude: -98.49}
	sanfrancisco  = v1alpha1.Coordinates{Latitude: 37.77, Longitude: -122.42}
	santiago      = v1alpha1.Coordinates{Latitude: -33.45, Longitude: -70.67}
	saopaulo      = v1alpha1.Coordinates{Latitude: -23.55, Longitude: -46.63}
	seoul         = v1alpha1.Coordinates{Latitude: 37.57, Longitude: 126.98}
	shanghai      = v1alpha1.Coordinates{Latitude: 31.23, Longitude: 121.47}
	singapore     = v1alpha1.Coordinates{Latitude: 1.35, Longitude: 103.82}
	stavanger     = v1alpha1.Coordinates{Latitude: 58.97, Longitude: 5.73}
	stghislain    = v1alpha1.Coordinates{Latitude: 50.45, Longitude: 3.82}
	stockholm     = v1alpha1.Coordinates{Latitude: 59.33, Longitude: 18.07}
	sydney        = v1alpha1.Coordinates{Latitude: -33.87, Longitude: 151.21}
	taipei        = v1alpha1.Coordinates{Latitude: 25.03, Longitude: 121.57}
	telaviv       = v1alpha1.Coordinates{Latitude: 32.09, Longitude: 34.78}
	tokyo         = v1alpha1.Coordinates{Latitude: 35.68, Longitude: 139.69}
	toronto       = v1alpha1.Coordinates{Latitude: 43.65, Longitude: -79.38}
	turin         = v1alpha1.Coordinates{Latitude: 45.07, Longitude: 7.69}
	vienna        = v1alpha1.Coordinates{Latitude: 48.21, Longitude: 16.37}
	warsaw        = v1alpha1.Coordinates{Latitude: 52.23, Longitude: 21.01}
	zaragoza      = v1alpha1.Coordinates{Latitude: 41.65, Longitude: -0.89}
	zurich        = v1alpha1.Coordinates{Latitude: 47.38, Longitude: 8.54}
)

// regionCoordinates are where public clouds' regions are: the city is near
// enough to tell which one is closest.
var regionCoordinates = map[string]v1alpha1.Coordinates{
	// Google Cloud
	"africa-south1":           johannesburg,
	"asia-east1":              changhua,
	"asia-east2":              hongkong,
	"asia-northeast1":         tokyo,
	"asia-northeast2":         osaka,
	"asia-northeast3":         seoul,
	"asia-south1":             mumbai,
	"asia-south2":             delhi,
	"asia-southeast1":         singapore,
	"asia-southeast2":         jakarta,
	"asia-southeast3":         bangkok,
	"australia-southeast1":    sydney,
	"australia-southeast2":    melbourne,
	"europe-central2":         warsaw,
	"europe-north1":           hamina,
	"europe-north2":           stockholm,
	"europe-southwest1":       madrid,
	"europe-west1":            stghislain,
	"europe-west2":            london,
	"europe-west3":            frankfurt,
	"europe-west4":            eemshaven,
	"europe-west6":            zurich,
	"europe-west8":            milan,
	"europe-west9":            paris,
	"europe-west10":           berlin,
	"europe-west12":           turin,
	"me-central1":             doha,
	"me-central2":             dammam,
	"me-west1":                telaviv,
	"northamerica-northeast1": montreal,
	"northamerica-northeast2": toronto,
	"northamerica-south1":     queretaro,
	"southamerica-east1":      saopaulo,
	"southamerica-west1":      santiago,
	"us-central1":             councilbluffs,
	"us-east1":                moncks,
	"us-east4":                ashburn,
	"us-east5":                columbus,
	"us-south1":               dallas,
	"us-west1":                dalles,
	"us-west2":                losangeles,
	"us-west3":                saltlake,
	"us-west4":                lasvegas,
	// Amazon Web Services
	"af-south-1":     capetown,
	"ap-east-1":      hongkong,
	"ap-east-2":      taipei,
	"ap-northeast-1": tokyo,
	"ap-northeast-2": seoul,
	"ap-northeast-3": osaka,
	"ap-south-1":     mumbai,
	"ap-south-2":     hyderabad,
	"ap-southeast-1": singapore,
	"ap-southeast-2": sydney,
	"ap-southeast-3": jakarta,
	"ap-southeast-4": melbourne,
	"ap-southeast-5": kualalumpur,
	"ap-southeast-6": auckland,
	"ap-southeast-7": bangkok,
	"ca-central-1":   montreal,
	"ca-west-1":      calgary,
	"cn-north-1":     beijing,
	"cn-northwest-1": ningxia,
	"eu-central-1":   frankfurt,
	"eu-central-2":   zurich,
	"eu-north-1":     stockholm,
	"eu-south-1":     milan,
	"eu-south-2":     zaragoza,
	"eu-west-1":      dublin,
	"eu-west-2":      london,
	"eu-west-3":      paris,
	"eusc-de-east-1": potsdam,
	"il-central-1":   telaviv,
	"me-central-1":   dubai,
	"me-south-1":     bahrain,
	"mx-central-1":   queretaro,
	"sa-east-1":      saopaulo,
	"us-east-1":      ashburn,
	"us-east-2":      columbus,
	"us-gov-east-1":  columbus,
	"us-gov-west-1":  boardman,
	"us-west-1":      sanfrancisco,
	"us-west-2":      boardman,
	// Microsoft Azure
	"australiacentral":   canberra,
	"australiacentral2":  canberra,
	"australiaeast":      sydney,
	"australiasoutheast": melbourne,
	"austriaeast":        vienna,
	"belgiumcentral":     brussels,
	"brazilsouth":        campinas,
	"brazilsoutheast":    rio,
	"canadacentral":      toronto,
	"canadaeast":         quebec,
	"centralindia":       pune,
	"centralus":          desmoines,
	"chilecentral":       santiago,
	"chinaeast":          shanghai,
	"chinaeast2":         shanghai,
	"chinaeast3":         shanghai,
	"chinanorth":         beijing,
	"chinanorth2":        beijing,
	"chinanorth3":        beijing,
	"denmarkeast":        copenhagen,
	"eastasia":           hongkong,
	"eastus":             boydton,
	"eastus2":            boydton,
	"francecentral":      paris,
	"francesouth":        marseille,
	"germanynorth":       berlin,
	"germanywestcentral": frankfurt,
	"indonesiacentral":   jakarta,
	"israelcentral":      telaviv,
	"italynorth":         milan,
	"japaneast":          tokyo,
	"japanwest":          osaka,
	"koreacentral":       seoul,
	"koreasouth":         busan,
	"malaysiawest":       kualalumpur,
	"mexicocentral":      queretaro,
	"newzealandnorth":    auckland,
	"northcentralus":     chicago,
	"northeurope":        dublin,
	"norwayeast":         oslo,
	"norwaywest":         stavanger,
	"polandcentral":      warsaw,
	"qatarcentral":       doha,
	"southafricanorth":   johannesburg,
	"southafricawest":    capetown,
	"southcentralus":     sanantonio,
	"southindia":         chennai,
	"southeastasia":      singapore,
	"spaincentral":       madrid,
	"swedencentral":      gavle,
	"switzerlandnorth":   zurich,
	"switzerlandwest":    geneva,
	"uaecentral":         abudhabi,
	"uaenorth":           dubai,
	"uksouth":            london,
	"ukwest":             cardiff,
	"usgovarizona":       phoenix,
	"usgovtexas":         sanantonio,
	"usgovvirginia":      boydton,
	"westcentralus":      cheyenne,
	"westeurope":         amsterdam,
	"westindia":          mumbai,
	"westus":             sanfrancisco,
	"westus2":            quincy,
	"westus3":            phoenix,
}
